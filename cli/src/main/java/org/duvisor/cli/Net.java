package org.duvisor.cli;

import java.net.InetAddress;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.duvisor.virtio.net.Forward;
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
   * @param forwards ports of the host that lead to the guest
   */
  record User(boolean host, List<Forward> forwards) implements Net {}

  /**
   * A stream socket that speaks frames with a length in front, as passt and other user-level
   * networks do.
   */
  record Unix(Path socket) implements Net {}

  /** The same over TCP, for instance to another VM. */
  record Tcp(String host, int port) implements Net {}

  /**
   * A network card.
   *
   * @param net what it is plugged into
   * @param mac its address, as {@code 52:54:00:12:34:56}; empty for one by chance
   */
  record Card(Net net, Optional<String> mac) {}

  /**
   * Looks at cards, before anything is opened.
   *
   * @throws UserError when two have the same address
   */
  static void check(List<Card> cards) {
    Set<String> seen = new HashSet<>();
    for (Card card : cards) {
      if (card.mac().isPresent() && !seen.add(card.mac().get())) {
        throw new UserError("two network cards have the address " + card.mac().get());
      }
    }
  }

  /** Reads a --net option from the command line. */
  final class Converter implements ITypeConverter<Card> {
    @Override
    public Card convert(String text) {
      return parse(text);
    }
  }

  /** What may stand behind the kind of network, after commas. */
  String HOST = "host";

  /** The same: a port of the host. */
  String HOSTFWD = "hostfwd=";

  /** The same: the card's address. */
  String MAC = "mac=";

  /**
   * Reads {@code none}, {@code user}, {@code unix:PATH} or {@code tcp:HOST:PORT}, and what may
   * follow.
   *
   * @throws TypeConversionException when it is none of them
   */
  static Card parse(String text) {
    Suffixes parts =
        Suffixes.split(text, o -> o.equals(HOST) || o.startsWith(HOSTFWD) || o.startsWith(MAC));
    List<String> options = parts.options();
    Net net = parse(text, parts.file(), options);
    List<String> macs = options.stream().filter(o -> o.startsWith(MAC)).toList();
    if (!macs.isEmpty() && (macs.size() > 1 || net instanceof None)) {
      throw new TypeConversionException("'" + text + "': one card has one mac=");
    }
    if (!(net instanceof User) && options.size() > macs.size()) {
      throw new TypeConversionException("'" + text + "': host and hostfwd= are for user");
    }
    return new Card(net, macs.stream().findFirst().map(m -> mac(m.substring(MAC.length()))));
  }

  private static Net parse(String text, String what, List<String> options) {
    int colon = what.indexOf(':');
    String kind = colon < 0 ? what : what.substring(0, colon);
    String rest = colon < 0 ? "" : what.substring(colon + 1);
    if (colon < 0 && kind.equals("none")) {
      return new None();
    }
    if (colon < 0 && kind.equals("user")) {
      return new User(
          options.contains(HOST),
          options.stream()
              .filter(o -> o.startsWith(HOSTFWD))
              .map(o -> forward(o.substring(HOSTFWD.length())))
              .toList());
    }
    if (kind.equals("unix") && !rest.isEmpty()) {
      return new Unix(FileName.path(rest));
    }
    int last = rest.lastIndexOf(':');
    if (kind.equals("tcp") && last > 0 && isPort(rest.substring(last + 1))) {
      int port = Integer.parseInt(rest.substring(last + 1));
      return new Tcp(host(rest.substring(0, last)), port);
    }
    throw new TypeConversionException(
        "'"
            + text
            + "' is no network (none, user[,host][,hostfwd=...], unix:PATH or tcp:HOST:PORT, and"
            + " ,mac=...)");
  }

  /** Reads {@code tcp:[ADDRESS]:PORT-:PORT}, as QEMU has it. */
  private static Forward forward(String text) {
    Matcher parts = Pattern.compile("(tcp|udp):(\\[[^]]+]|[^:]*):([0-9]+)-:([0-9]+)").matcher(text);
    if (!parts.matches() || !isPort(parts.group(3)) || !isPort(parts.group(4))) {
      throw new TypeConversionException(
          "hostfwd="
              + text
              + " is not tcp:[ADDRESS]:PORT-:PORT, or udp:..., with ports 1 to 65535");
    }
    String address = host(parts.group(2));
    if (!address.isEmpty()) {
      try {
        address = InetAddress.ofLiteral(address).getHostAddress();
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException("hostfwd=" + text + ": no address: " + address);
      }
    }
    return new Forward(
        parts.group(1).equals("tcp"),
        address,
        Integer.parseInt(parts.group(3)),
        Integer.parseInt(parts.group(4)));
  }

  private static boolean isPort(String digits) {
    return digits.matches("[0-9]{1,5}")
        && Integer.parseInt(digits) >= 1
        && Integer.parseInt(digits) <= 65535;
  }

  private static String mac(String text) {
    if (!text.matches("[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}")
        || text.equals("00:00:00:00:00:00")) {
      throw new TypeConversionException(
          "mac=" + text + " is no address of one card (52:54:00:12:34:56, for example)");
    }
    return text.toLowerCase(Locale.ROOT);
  }

  /** A host without the brackets around an IPv6 address. */
  private static String host(String text) {
    return text.startsWith("[") && text.endsWith("]") ? text.substring(1, text.length() - 1) : text;
  }
}
