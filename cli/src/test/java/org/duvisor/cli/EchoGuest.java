package org.duvisor.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The command with a guest that prints each byte it gets as {@code [61]}, ends at "q" and breaks at
 * "b": the other side of {@link TerminalTest}.
 */
final class EchoGuest implements Session {
  private final InputStream input;
  private final OutputStream output;
  private final Thread main = Thread.currentThread();

  private EchoGuest(InputStream input, OutputStream output) {
    this.input = input;
    this.output = output;
  }

  public static void main(String[] arguments) {
    System.exit(
        Duvisor.run(
            arguments,
            (options, input, output) -> new EchoGuest(input, output),
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
      while (true) {
        int b = input.read();
        switch (b) {
          case -1 -> print("[end]");
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
