import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;

/**
 * Formats the project's sources, or says which are not formatted: Java with google-java-format,
 * other text by removing blanks at line ends and ending the file with one newline. Run by the build
 * (root pom.xml, profile "checks"); a program of one file, because the formatter must run on the
 * JDK that compiles the project while Maven's own may be older.
 *
 * <p>Usage: {@code java -cp google-java-format-all-deps.jar Format.java check|apply ROOT}.
 */
final class Format {
  private static final Set<String> TEXT = Set.of("md", "xml", "sh", "c", "h", "S", "yml");
  private static final Set<String> SKIPPED =
      Set.of("target", ".git", ".idea", "node_modules", "resources");

  private static final int MOST_PASSES = 5;

  private Format() {}

  public static void main(String[] args) throws IOException {
    if (args.length != 2 || !Set.of("check", "apply").contains(args[0])) {
      System.err.println("usage: Format check|apply ROOT");
      System.exit(2);
    }
    boolean apply = args[0].equals("apply");
    Path root = Path.of(args[1]).toAbsolutePath().normalize();
    var files = new ArrayList<Path>();
    collect(root, files);
    var problems = new ConcurrentLinkedQueue<String>();
    files.parallelStream()
        .forEach(file -> process(file, root.relativize(file).toString(), apply, problems));
    problems.stream().sorted().limit(20).forEach(line -> System.err.println("format: " + line));
    if (!problems.isEmpty()) {
      System.err.println("format: " + problems.size() + " in all; run  mvn -N validate -Dformat");
      System.exit(1);
    }
  }

  private static void collect(Path directory, List<Path> files) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      for (Path entry : (Iterable<Path>) entries.sorted()::iterator) {
        if (Files.isSymbolicLink(entry)) {
          continue;
        }
        if (Files.isDirectory(entry)) {
          if (!SKIPPED.contains(entry.getFileName().toString())) {
            collect(entry, files);
          }
        } else if (isJava(entry) || TEXT.contains(extension(entry))) {
          files.add(entry);
        }
      }
    }
  }

  private static void process(
      Path file, String name, boolean apply, ConcurrentLinkedQueue<String> problems) {
    try {
      String source = Files.readString(file);
      String formatted = isJava(file) ? formatJava(source) : tidy(source);
      if (formatted.equals(source)) {
        return;
      }
      if (apply) {
        Files.writeString(file, formatted);
      } else {
        problems.add(name + " is not formatted");
      }
    } catch (FormatterException e) {
      problems.add(name + ": " + e.getMessage());
    } catch (IOException e) {
      throw new UncheckedIOException(name, e);
    }
  }

  /** Formats until nothing changes: the formatter may need a second look at comments it broke. */
  private static String formatJava(String source) throws FormatterException {
    String last = source;
    for (int pass = 0; pass < MOST_PASSES; pass++) {
      String next = new Formatter().formatSourceAndFixImports(last);
      if (next.equals(last)) {
        break;
      }
      last = next;
    }
    return last;
  }

  private static String tidy(String text) {
    String tidied =
        text.replace("\r\n", "\n").replaceAll("[ \t]+(?=\n|\\z)", "").replaceAll("\n+\\z", "");
    return tidied.isEmpty() ? "" : tidied + "\n";
  }

  private static boolean isJava(Path file) {
    return extension(file).equals("java");
  }

  private static String extension(Path file) {
    String name = file.getFileName().toString();
    return name.substring(name.lastIndexOf('.') + 1);
  }
}
