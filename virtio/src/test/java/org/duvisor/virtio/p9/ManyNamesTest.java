package org.duvisor.virtio.p9;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest that caches names (cache=loose) has a fid for each: more than there are descriptors. */
class ManyNamesTest {
  private static final int MANY = Nodes.MAX_OPEN + 500;
  private static final int FIRST = 1000;

  @TempDir Path dir;
  private Path shared;
  private Path secret;
  private Client guest;

  @BeforeEach
  void share() throws IOException {
    assumeTrue(System.getProperty("os.name").equals("Linux"), "sharing needs a Linux host");
    shared = Files.createDirectory(dir.resolve("shared"));
    secret = Files.writeString(dir.resolve("secret"), "secret");
    Files.createDirectories(shared.resolve("a/b"));
    Files.createDirectory(shared.resolve("many"));
    for (int i = 0; i < MANY; i++) {
      Files.createFile(shared.resolve("many/" + i));
    }
    guest = new Client(shared, false);
  }

  @AfterEach
  void end() throws IOException {
    if (guest != null) {
      guest.close();
      assertEquals("secret", Files.readString(secret));
    }
  }

  /** So many other names that no descriptor of those before is left. */
  private void walkMany() {
    for (int i = 0; i < MANY; i++) {
      guest.call(P9Layout.T_WALK, Client.walking(0, FIRST + i, "many", "" + i));
    }
  }

  private void clunkMany() {
    for (int i = 0; i < MANY; i++) {
      guest.clunk(FIRST + i);
    }
  }

  /** Links of a file and its inode, as the guest sees it. */
  private long[] attributes(int fid) {
    ByteBuffer a = guest.call(P9Layout.T_GETATTR, m -> m.putInt(fid).putLong(-1));
    return new long[] {a.getLong(7 + 8 + 13 + 12), a.getLong(7 + 8 + 1 + 4)};
  }

  private int error(int fid) {
    return guest.attempt(P9Layout.T_GETATTR, m -> m.putInt(fid).putLong(-1));
  }

  private static long descriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    }
  }

  @Test
  void allOfThemCanBeUsed() throws IOException {
    long none = descriptors();
    walkMany();
    assertTrue(descriptors() - none <= Nodes.MAX_OPEN + 1);
    for (int i = 0; i < MANY; i++) {
      assertEquals(
          Files.getAttribute(shared.resolve("many/" + i), "unix:ino"), attributes(FIRST + i)[1]);
    }
    assertTrue(descriptors() - none <= Nodes.MAX_OPEN + 1);
    clunkMany();
    assertTrue(descriptors() - none <= 1, "nothing is left open");
  }

  @Test
  void theGuestsOwnChangesAreFollowed() throws IOException {
    Files.writeString(shared.resolve("a/b/file"), "moved");
    Files.writeString(shared.resolve("a/b/gone"), "gone");
    Files.writeString(shared.resolve("a/b/hidden"), "hidden");
    int file = guest.walk("a", "b", "file");
    int gone = guest.walk("a", "b", "gone");
    int hidden = guest.walk("a", "b", "hidden");
    int b = guest.walk("a", "b");
    walkMany();
    guest.call(P9Layout.T_UNLINKAT, m -> Client.string(m.putInt(b), "gone").putInt(0));
    guest.call(
        P9Layout.T_RENAMEAT,
        m -> Client.string(Client.string(m.putInt(b), "file").putInt(b), "hidden"));
    guest.call(
        P9Layout.T_RENAMEAT, m -> Client.string(Client.string(m.putInt(0), "a").putInt(0), "c"));
    clunkMany();
    walkMany();
    assertEquals(1, attributes(file)[0]);
    assertEquals(0, attributes(gone)[0]);
    assertEquals(0, attributes(hidden)[0]);
    guest.call(P9Layout.T_LOPEN, m -> m.putInt(file).putInt(Client.READ));
    assertArrayEquals("moved".getBytes(StandardCharsets.UTF_8), guest.read(file, 0, 99));
    guest.call(P9Layout.T_LOPEN, m -> m.putInt(gone).putInt(Client.READ));
    assertArrayEquals("gone".getBytes(StandardCharsets.UTF_8), guest.read(gone, 0, 99));
    guest.call(P9Layout.T_LCREATE, Client.creating(b, "new", 0600));
    assertTrue(Files.exists(shared.resolve("c/b/new")));
  }

  /** Adversary: what takes the place of a file or folder while its descriptor is closed. */
  @Test
  void whatHasTakenAFilesPlaceIsNotIt() throws IOException {
    for (String name : new String[] {"link", "other", "none", "a/b/below"}) {
      Files.writeString(shared.resolve(name), "first");
    }
    int link = guest.walk("link");
    int other = guest.walk("other");
    int none = guest.walk("none");
    int below = guest.walk("a", "b", "below");
    int folder = guest.walk("a");
    walkMany();
    Files.move(shared.resolve("link"), dir.resolve("kept"));
    Files.createSymbolicLink(shared.resolve("link"), secret);
    Files.move(shared.resolve("other"), dir.resolve("kept too"));
    Files.writeString(shared.resolve("other"), "second");
    Files.delete(shared.resolve("none"));
    Files.move(shared.resolve("a"), dir.resolve("kept as well"));
    Files.createSymbolicLink(shared.resolve("a"), dir.resolve("kept as well"));
    for (int fid : new int[] {link, other, none, below, folder}) {
      assertEquals(P9Layout.ESTALE, error(fid));
      assertEquals(P9Layout.ESTALE, guest.fail(P9Layout.T_LOPEN, m -> m.putInt(fid).putInt(2)));
    }
    assertEquals(
        P9Layout.ESTALE, guest.fail(P9Layout.T_LCREATE, Client.creating(folder, "new", 0600)));
    assertEquals(0, error(guest.walk("other")), "looked up anew, it is there");
  }
}
