package org.duvisor.lab;

import java.util.List;
import java.util.Locale;

/** The warm medians of a report as horizontal bars in SVG, on a logarithmic axis. */
final class BarChart {
  private static final List<String> COLOURS = List.of("#2a78b8", "#e08a1e", "#5a9a4a", "#8a5aa8");
  private static final String QEMU_COLOUR = "#9a9a9a";
  private static final int LEFT = 120;
  private static final int PLOT = 620;
  private static final int BAR = 12;
  private static final int GAP = 10;
  private static final int TOP = 46;
  private static final double LOWEST = 10;
  private static final double HIGHEST = 10_000;

  private BarChart() {}

  /** The chart as a document of its own. */
  static String svg(EngineReport report) {
    int group = report.engines().size() * BAR + GAP;
    int height = TOP + report.rows().size() * group + 30;
    var svg = new StringBuilder();
    svg.append(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"800\" height=\"%d\" viewBox=\"0 0 800 %d\""
            .formatted(height, height));
    svg.append(
        " font-family=\"sans-serif\" font-size=\"11\" role=\"img\">\n"
            + "<title>Guest MIPS, warm</title>\n");
    legend(svg, report);
    axis(svg, height);
    for (int r = 0; r < report.rows().size(); r++) {
      row(svg, report, report.rows().get(r), TOP + r * group);
    }
    return svg.append("</svg>\n").toString();
  }

  private static void legend(StringBuilder svg, EngineReport report) {
    text(svg, LEFT, 16, "start", "Guest MIPS per CPU second, warm (logarithmic)");
    for (int e = 0; e < report.engines().size(); e++) {
      int x = LEFT + 320 + e * 100;
      rectangle(svg, x, 7, 10, 10, colour(report, e));
      text(svg, x + 14, 16, "start", report.engines().get(e));
    }
  }

  private static void axis(StringBuilder svg, int height) {
    for (double tick = LOWEST; tick <= HIGHEST; tick *= 10) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<line x1=\"%1$.1f\" y1=\"34\" x2=\"%1$.1f\" y2=\"%2$d\" stroke=\"#d8d8d8\"/>%n",
              x(tick),
              height - 24));
      text(svg, x(tick), height - 10, "middle", String.format(Locale.ROOT, "%.0f", tick));
    }
  }

  private static void row(StringBuilder svg, EngineReport report, EngineReport.Row row, int y) {
    text(svg, LEFT - 8, y + report.engines().size() * BAR / 2.0 + 4, "end", row.workload());
    for (int e = 0; e < row.cells().size(); e++) {
      double value = EngineReport.median(row.cells().get(e).warm()).orElse(0);
      double width = x(value) - LEFT;
      rectangle(svg, LEFT, y + e * BAR, width, BAR - 2, colour(report, e));
      text(
          svg,
          LEFT + width + 4,
          y + e * BAR + 9,
          "start",
          String.format(Locale.ROOT, "%.0f", value));
    }
  }

  private static double x(double value) {
    double clamped = Math.clamp(value, LOWEST, HIGHEST);
    return LEFT + PLOT * Math.log(clamped / LOWEST) / Math.log(HIGHEST / LOWEST);
  }

  private static String colour(EngineReport report, int engine) {
    return report.engines().get(engine).equals("qemu")
        ? QEMU_COLOUR
        : COLOURS.get(engine % COLOURS.size());
  }

  private static void rectangle(
      StringBuilder svg, double x, double y, double width, double height, String colour) {
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

  private static void text(StringBuilder svg, double x, double y, String anchor, String text) {
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
