package org.duvisor.cli;

import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** What the guest's network card is plugged into. */
public sealed interface Net {
  /** No network card. */
  record None() implements Net {}

  /**
   * The host's network through passt, which the command starts; needs no rights.
   *
   * @param host whether the guest reaches the host's own 127.0.0.1, by its gateway's address
   */
  record User(boolean host) implements Net {}

  /**
   * A stream socket that speaks frames with a length in front, as passt and other user-level
   * networks do.
   */
  record Unix(Path socket) implements Net {}

  /** The same over TCP, for instance to another VM. */
  record Tcp(String host, int port) implements Net {}

  /** Reads a --net option from the command line. */
  final class Converter implements ITypeConverter<Net> {
    @Override
    public Net convert(String text) {
      return parse(text);
    }
  }

  /**
   * Reads {@code none}, {@code user}, {@code user,host}, {@code unix:PATH} or {@code
   * tcp:HOST:PORT}.
   *
   * @throws TypeConversionException when it is none of them
   */
  static Net parse(String text) {
    int colon = text.indexOf(':');
    String kind = colon < 0 ? text : text.substring(0, colon);
    String rest = colon < 0 ? "" : text.substring(colon + 1);
    if (colon < 0 && kind.equals("none")) {
      return new None();
    }
    if (colon < 0 && (kind.equals("user") || kind.equals("user,host"))) {
      return new User(kind.endsWith(",host"));
    }
    if (kind.equals("unix") && !rest.isEmpty()) {
      return new Unix(FileName.path(rest));
    }
    int last = rest.lastIndexOf(':');
    if (kind.equals("tcp") && last > 0 && rest.substring(last + 1).matches("[0-9]{1,5}")) {
      int port = Integer.parseInt(rest.substring(last + 1));
      if (port >= 1 && port <= 65535) {
        return new Tcp(host(rest.substring(0, last)), port);
      }
    }
    throw new TypeConversionException(
        "'" + text + "' is no network (none, user, user,host, unix:PATH or tcp:HOST:PORT)");
  }

  /** A host without the brackets around an IPv6 address. */
  private static String host(String text) {
    return text.startsWith("[") && text.endsWith("]") ? text.substring(1, text.length() - 1) : text;
  }
}
