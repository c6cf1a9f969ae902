package org.duvisor.cli.terminal;

/**
 * Finds commands to the hypervisor in what the user types: Ctrl-A and one more key. Everything else
 * is the guest's. Not thread-safe.
 */
public final class EscapeKeys {
  /** The key that starts a command; typed twice it goes to the guest once. */
  public static final byte ESCAPE = 1;

  /** Who gets what. */
  public interface Keys {
    /** A byte for the guest. */
    void guest(byte value);

    /** Ctrl-A x: stop the guest. */
    void quit();

    /** Ctrl-A h: say which keys there are. */
    void help();

    /** Ctrl-A s: say how the guest is doing. */
    void statistics();
  }

  private final Keys keys;
  private boolean escaped;

  /** A state machine at its start. */
  public EscapeKeys(Keys keys) {
    this.keys = keys;
  }

  /**
   * Takes the next byte that was typed. An unknown command is dropped: a slip must not reach the
   * guest as input.
   */
  public void type(byte value) {
    if (!escaped) {
      if (value == ESCAPE) {
        escaped = true;
      } else {
        keys.guest(value);
      }
      return;
    }
    escaped = false;
    switch (value) {
      case ESCAPE -> keys.guest(ESCAPE);
      case 'x', 'X' -> keys.quit();
      case 'h', 'H', '?' -> keys.help();
      case 's', 'S' -> keys.statistics();
      default -> {}
    }
  }
}
