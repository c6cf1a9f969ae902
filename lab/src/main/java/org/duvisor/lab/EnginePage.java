package org.duvisor.lab;

import java.util.List;

/** A report as one page without outside parts. */
final class EnginePage {
  private EnginePage() {}

  /** The page with the chart in it. */
  static String html(EngineReport report, String chart) {
    var html =
        new StringBuilder(
            "<!doctype html>\n"
                + "<html lang=\"en\">\n"
                + "<meta charset=\"utf-8\">\n"
                + "<title>Engine benchmark</title>\n");
    html.append(
        """
        <style>
        body { font-family: sans-serif; max-width: 60em; margin: 2em auto; }
        td, th { padding: 0.15em 0.8em; text-align: right; } td:first-child, th:first-child { text-align: left; }
        </style>
        <h1>Engine benchmark</h1>
        <p>Guest MIPS: guest instructions (user and kernel) per second of CPU time of the emulator's process, in millions;
        medians. "From start" counts from the start of the process: boot, translation and the JVM's own start are in it.</p>
        """);
    html.append(chart);
    rows(html, report.table());
    html.append("<h2>How it was measured</h2>\n");
    rows(
        html,
        report.about().entrySet().stream().map(e -> List.of(e.getKey(), e.getValue())).toList());
    return html.append("</html>\n").toString();
  }

  private static void rows(StringBuilder html, List<List<String>> rows) {
    html.append("<table>\n");
    for (List<String> row : rows) {
      html.append("<tr>");
      row.forEach(cell -> html.append("<td>").append(escape(cell)).append("</td>"));
      html.append("</tr>\n");
    }
    html.append("</table>\n");
  }

  /** Text for markup. */
  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
