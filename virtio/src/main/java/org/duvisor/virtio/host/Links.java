package org.duvisor.virtio.host;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;

/**
 * Where a path leads when links in some folders are not to be followed: those of folders that
 * guests write to. A guest may have put a link where its user expects a file.
 */
public final class Links {
  /** As Linux has it. */
  private static final int MAX_LINKS = 40;

  private Links() {}

  /**
   * The same place by a path without any link.
   *
   * @param what it is and its path, for messages
   * @param folders that guests write to; those that are not there do not matter
   * @throws NoSuchFileException when there is no such file
   * @throws IOException with one line for the user when the way is by a link in such a folder
   */
  public static Path resolve(String what, Path path, Collection<Path> folders) throws IOException {
    List<Path> distrusted = folders.stream().map(Links::real).toList();
    Path at = path.toAbsolutePath().getRoot();
    Deque<Path> left = new ArrayDeque<>();
    path.toAbsolutePath().forEach(left::add);
    for (int links = 0; !left.isEmpty(); ) {
      Path name = left.remove();
      if (name.toString().equals("..")) {
        at = at.getParent() == null ? at : at.getParent();
        continue;
      }
      Path next = name.toString().equals(".") ? at : at.resolve(name);
      if (!Files.isSymbolicLink(next)) {
        at = next;
        continue;
      }
      if (distrusted.stream().anyMatch(next::startsWith)) {
        throw new IOException(what + ": a link in a shared folder, where a guest may have put it");
      }
      links++;
      if (links > MAX_LINKS) {
        throw new IOException(what + ": too many links");
      }
      Path target = Files.readSymbolicLink(next);
      List<Path> names = new ArrayList<>();
      target.forEach(names::add);
      names.reversed().forEach(left::addFirst);
      at = target.isAbsolute() ? target.getRoot() : at;
    }
    if (!Files.exists(at)) {
      throw new NoSuchFileException(what + ": no such file");
    }
    return at;
  }

  private static Path real(Path folder) {
    try {
      return folder.toRealPath();
    } catch (IOException e) {
      return folder.toAbsolutePath().normalize();
    }
  }
}
