package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/**
 * The command with a guest that prints each byte it gets as {@code [61]}, ends at "q", breaks at
 * "b", and after "p" reads nothing until the file that its command line names is there, and then
 * counts up to a "q": the other side of {@link TerminalTest}.
 */
final class EchoGuest implements Session {
  private final InputStream input;
  private final OutputStream output;
  private final boolean console;
  private final Path go;
  private final Thread main = Thread.currentThread();

  private EchoGuest(boolean console, Path go, InputStream input, OutputStream output) {
    this.console = console;
    this.go = go;
    this.input = input;
    this.output = output;
  }

  public static void main(String[] arguments) {
    System.exit(
        Duvisor.run(
            arguments,
            (options, input, output) ->
                new EchoGuest(
                    options.console() != VmOptions.Console.none,
                    Path.of(options.guest().append()),
                    input,
                    output),
            new Wiring.Board(),
            Path.of(""),
            false,
            System.out,
            System.err));
  }

  @Override
  public Outcome run() {
    try {
      print("pid " + ProcessHandle.current().pid() + " ready\n");
      if (!console) {
        return count() < 0 ? Outcome.failed("stopped") : Outcome.ENDED;
      }
      while (true) {
        int b = input.read();
        switch (b) {
          case -1 -> print("[end]");
          case 'p' -> {
            print("[pause]");
            b = count();
          }
          case 'b' -> throw new IllegalStateException("broken");
          default -> print("[%02x]".formatted(b));
        }
        if (b == 'q' || b == -1) {
          return Outcome.ENDED;
        }
      }
    } catch (IOException e) {
      return Outcome.ENDED;
    }
  }

  private int count() throws IOException {
    while (!Files.exists(go)) {
      LockSupport.parkNanos(1_000_000);
      if (Thread.interrupted()) {
        return -1;
      }
    }
    int typed = 0;
    while (input.read() != 'q') {
      typed++;
    }
    print("[typed " + typed + "]");
    return 'q';
  }

  private void print(String text) throws IOException {
    output.write(text.getBytes(StandardCharsets.US_ASCII));
  }

  @Override
  public void stop() {
    main.interrupt();
  }

  @Override
  public long instructions() {
    return 0;
  }

  @Override
  public String statistics() {
    return "statistics: none\n";
  }

  @Override
  public void close() {}
}
