package org.duvisor.lab;

import java.util.List;
import java.util.Locale;

/** Groups of horizontal bars in SVG, on a logarithmic axis. */
final class BarChart {
  private static final List<String> COLOURS = List.of("#2a78b8", "#e08a1e", "#5a9a4a", "#8a5aa8");
  private static final String QEMU_COLOUR = "#9a9a9a";
  private static final int WIDTH = 800;
  private static final int RIGHT = 60;
  private static final int BAR = 12;
  private static final int GAP = 10;
  private static final int TOP = 46;
  private static final double LOWEST = 10;

  /** A label and a value for each series; 0 where there is none. */
  record Group(String label, List<Double> values) {}

  private final List<String> series;
  private final int left;
  private final double highest;
  private final StringBuilder svg = new StringBuilder();

  private BarChart(List<String> series, int left, double highest) {
    this.series = series;
    this.left = left;
    this.highest = highest;
  }

  /** The warm medians of a report. */
  static String svg(EngineReport report) {
    List<Group> groups =
        report.rows().stream()
            .map(
                r ->
                    new Group(
                        r.workload(),
                        r.cells().stream()
                            .map(c -> EngineReport.median(c.warm()).orElse(0))
                            .toList()))
            .toList();
    return svg("Guest MIPS per CPU second, warm", report.engines(), groups, 120, 10_000);
  }

  /**
   * The chart as a document of its own.
   *
   * @param left width of the labels
   * @param highest end of the axis, a power of ten
   */
  static String svg(
      String title, List<String> series, List<Group> groups, int left, double highest) {
    var chart = new BarChart(series, left, highest);
    chart.draw(title, groups);
    return chart.svg.toString();
  }

  private void draw(String title, List<Group> groups) {
    int each = series.size() * BAR + GAP;
    int height = TOP + groups.size() * each + 30;
    svg.append(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%2$d\" height=\"%1$d\" viewBox=\"0 0 %2$d %1$d\""
            .formatted(height, WIDTH));
    svg.append(" font-family=\"sans-serif\" font-size=\"11\" role=\"img\">\n");
    svg.append("<title>").append(EnginePage.escape(title)).append("</title>\n");
    legend(title);
    axis(height);
    for (int g = 0; g < groups.size(); g++) {
      group(groups.get(g), TOP + g * each);
    }
    svg.append("</svg>\n");
  }

  private void legend(String title) {
    text(left, 16, "start", title + " (logarithmic)");
    for (int e = 0; e < series.size(); e++) {
      int x = left + 320 + e * 100;
      rectangle(x, 7, 10, 10, colour(e));
      text(x + 14, 16, "start", series.get(e));
    }
  }

  private void axis(int height) {
    for (double tick = LOWEST; tick <= highest; tick *= 10) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<line x1=\"%1$.1f\" y1=\"34\" x2=\"%1$.1f\" y2=\"%2$d\" stroke=\"#d8d8d8\"/>%n",
              x(tick),
              height - 24));
      text(x(tick), height - 10, "middle", String.format(Locale.ROOT, "%.0f", tick));
    }
  }

  private void group(Group group, int y) {
    text(left - 8, y + series.size() * BAR / 2.0 + 4, "end", group.label);
    for (int e = 0; e < group.values.size(); e++) {
      double value = group.values.get(e);
      double width = x(value) - left;
      rectangle(left, y + e * BAR, width, BAR - 2, colour(e));
      text(
          left + width + 4,
          y + e * BAR + 9,
          "start",
          value == 0 ? "-" : String.format(Locale.ROOT, "%.0f", value));
    }
  }

  private double x(double value) {
    double clamped = Math.clamp(value, LOWEST, highest);
    double plot = WIDTH - RIGHT - left;
    return left + plot * Math.log(clamped / LOWEST) / Math.log(highest / LOWEST);
  }

  private String colour(int index) {
    return series.get(index).equals("qemu") ? QEMU_COLOUR : COLOURS.get(index % COLOURS.size());
  }

  private void rectangle(double x, double y, double width, double height, String colour) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>%n",
            x,
            y,
            width,
            height,
            colour));
  }

  private void text(double x, double y, String anchor, String text) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>%n",
            x,
            y,
            anchor,
            EnginePage.escape(text)));
  }
}
