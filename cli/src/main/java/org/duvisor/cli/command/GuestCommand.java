package org.duvisor.cli.command;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * A command for the guest.
 *
 * @param words its name and its arguments, one at least
 * @param environment NAME=VALUE each
 * @param directory where it runs; empty for the first shared folder, or / without one
 * @param terminal whether it has a terminal; otherwise its streams are pipes
 */
public record GuestCommand(
    List<String> words, List<String> environment, Optional<String> directory, boolean terminal) {
  /** Where init puts shared folders, each below it by its tag. */
  private static final String SHARES = "/mnt/";

  /**
   * What is sent to the guest: strings that end with 0, of a kind that their first letter says.
   *
   * @param tags of the shared folders to mount
   */
  byte[] request(List<String> tags) {
    var request = new ByteArrayOutputStream();
    if (terminal) {
      add(request, 't', "");
    }
    tags.forEach(tag -> add(request, 'm', tag));
    add(request, 'd', directory.orElseGet(() -> tags.isEmpty() ? "/" : SHARES + tags.getFirst()));
    environment.forEach(variable -> add(request, 'e', variable));
    words.forEach(word -> add(request, 'a', word));
    return request.toByteArray();
  }

  private static void add(ByteArrayOutputStream request, char kind, String text) {
    request.write(kind);
    request.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    request.write(0);
  }
}
