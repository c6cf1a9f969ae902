package org.duvisor.virtio.p9;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserDefinedFileAttributeView;
import java.util.List;
import java.util.TreeSet;
import org.duvisor.virtio.QueueWorker.Serving;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a guest does with a shared folder, message by message. */
class P9Test {
  @TempDir Path shared;
  private Client guest;

  @BeforeEach
  void share() throws IOException {
    assumeTrue(System.getProperty("os.name").equals("Linux"), "sharing needs a Linux host");
    guest = new Client(shared, false);
  }

  @AfterEach
  void end() {
    if (guest != null) {
      guest.close();
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void theMountTagIsInTheConfiguration() {
    assertEquals(4, guest.driver().config(0, 2));
    assertEquals('h', guest.driver().config(2, 1));
    assertEquals(9, guest.driver().read(8));
    assertEquals(1, guest.driver().offered() & 0xffffff);
  }

  @Test
  void aFileIsMadeWrittenAndRead() throws IOException {
    int fid = guest.create("file", 0640);
    assertEquals(5, guest.write(fid, 0, bytes("hello")));
    assertEquals(3, guest.write(fid, 10, bytes("end")));
    assertArrayEquals(bytes("hello\0\0\0\0\0end"), guest.read(fid, 0, 100));
    assertArrayEquals(new byte[0], guest.read(fid, 13, 100));
    guest.call(P9Layout.T_FSYNC, m -> m.putInt(fid).putInt(1));
    assertArrayEquals(bytes("hello\0\0\0\0\0end"), Files.readAllBytes(shared.resolve("file")));
    assertEquals(0100640, (int) Files.getAttribute(shared.resolve("file"), "unix:mode"));
  }

  @Test
  void offsetsAre64Bits() throws IOException {
    int fid = guest.create("sparse", 0600);
    long far = (1L << 40) + 5;
    assertEquals(3, guest.write(fid, far, bytes("far")));
    assertEquals(far + 3, Files.size(shared.resolve("sparse")));
    assertArrayEquals(bytes("far"), guest.read(fid, far, 10));
    ByteBuffer attributes = guest.call(P9Layout.T_GETATTR, m -> m.putInt(fid).putLong(-1));
    assertEquals(far + 3, attributes.getLong(7 + 8 + 13 + 12 + 8 + 8));
  }

  @Test
  void anUnlinkedFileLivesOn() throws IOException {
    int fid = guest.create("gone", 0600);
    int other = guest.walk("gone");
    guest.write(fid, 0, bytes("still here"));
    guest.call(P9Layout.T_UNLINKAT, m -> Client.string(m.putInt(0), "gone").putInt(0));
    assertFalse(Files.exists(shared.resolve("gone")));
    assertArrayEquals(bytes("still"), guest.read(fid, 0, 5));
    ByteBuffer attributes = guest.call(P9Layout.T_GETATTR, m -> m.putInt(other).putLong(-1));
    assertEquals(0, attributes.getLong(7 + 8 + 13 + 12)); // no links
    guest.call(
        P9Layout.T_SETATTR,
        m -> m.putInt(other).putInt(8).putInt(0).putInt(0).putInt(0).putLong(2).put(new byte[32]));
    assertArrayEquals(bytes("st"), guest.read(fid, 0, 5));
  }

  /** By the descriptor that has it open, whatever the permissions of its name are by now. */
  @Test
  void anOpenFileCanBeCutThatCouldNotBeOpened() throws IOException {
    int fid = guest.create("file", 0444);
    guest.write(fid, 0, bytes("hello"));
    guest.call(
        P9Layout.T_SETATTR,
        m -> m.putInt(fid).putInt(8).putInt(0).putInt(0).putInt(0).putLong(2).put(new byte[32]));
    assertArrayEquals(bytes("he"), Files.readAllBytes(shared.resolve("file")));
    assertEquals(0100444, (int) Files.getAttribute(shared.resolve("file"), "unix:mode"));
  }

  /** What a listing says of a file's number is what its attributes say, on any file system. */
  @Test
  void numbersOfFilesBelowAMount() throws IOException {
    Path memory = Path.of("/dev/shm");
    assumeTrue(
        Files.isWritable(memory)
            && !Files.getAttribute(memory, "unix:dev")
                .equals(Files.getAttribute(Path.of("/dev"), "unix:dev")),
        "needs a file system in another one's folder");
    Path file = Files.createTempFile(memory, "duvisor", ".test");
    try (Client reader = new Client(Path.of("/dev"), true)) {
      String name = file.getFileName().toString();
      int fid = reader.walk("shm", name);
      ByteBuffer attributes = reader.call(P9Layout.T_GETATTR, m -> m.putInt(fid).putLong(-1));
      long inode = attributes.getLong(7 + 8 + 5);
      int folder = reader.open(Client.READ, "shm");
      ByteBuffer list =
          reader.call(P9Layout.T_READDIR, m -> m.putInt(folder).putLong(0).putInt(65536));
      list.getInt();
      boolean seen = false;
      while (list.remaining() > 0) {
        long listed = list.getLong(list.position() + 5);
        byte[] entry = new byte[list.getShort(list.position() + 22)];
        list.position(list.position() + 24).get(entry);
        if (new String(entry, StandardCharsets.UTF_8).equals(name)) {
          assertEquals(inode, listed);
          seen = true;
        }
      }
      assertTrue(seen);
    } finally {
      Files.delete(file);
    }
  }

  private UserDefinedFileAttributeView attributesOf(String name) throws IOException {
    Path file = shared.resolve(name);
    assumeTrue(
        Files.getFileStore(shared).supportsFileAttributeView(UserDefinedFileAttributeView.class),
        "the host's file system has no extended attributes");
    return Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
  }

  /** Reads a value, or the list of names; the error is below zero. */
  private byte[] attribute(int fid, int reader, String name) {
    ByteBuffer size =
        guest.call(P9Layout.T_XATTRWALK, m -> Client.string(m.putInt(fid).putInt(reader), name));
    long bytes = size.getLong();
    byte[] value = guest.read(reader, 0, 100_000);
    assertEquals(bytes, value.length);
    guest.clunk(reader);
    return value;
  }

  private void announce(int fid, String name, long bytes, int flags) {
    guest.call(
        P9Layout.T_XATTRCREATE,
        m -> Client.string(m.putInt(fid), name).putLong(bytes).putInt(flags));
  }

  @Test
  void extendedAttributesOfUsers() throws IOException {
    int file = guest.create("f", 0600);
    UserDefinedFileAttributeView host = attributesOf("f");
    byte[] value = new byte[300];
    value[7] = 7;
    int writer = guest.walk("f");
    announce(writer, "user.one", 300, 0);
    guest.write(writer, 0, java.util.Arrays.copyOf(value, 100));
    guest.write(writer, 100, new byte[200]);
    guest.clunk(writer);
    ByteBuffer seen = ByteBuffer.allocate(300);
    host.read("one", seen);
    assertArrayEquals(value, seen.array());
    host.write("two/slash", ByteBuffer.wrap(bytes("2")));
    assertArrayEquals(value, attribute(file, 77, "user.one"));
    assertArrayEquals(bytes("2"), attribute(file, 77, "user.two/slash"));
    String names = new String(attribute(file, 77, ""), StandardCharsets.UTF_8);
    assertEquals(
        new TreeSet<>(List.of("user.one", "user.two/slash")),
        new TreeSet<>(List.of(names.split("\0"))));
    int remover = guest.walk("f");
    announce(remover, "user.one", 0, 2);
    guest.clunk(remover);
    assertEquals(List.of("two/slash"), host.list());
    assertEquals(
        61, // ENODATA
        guest.fail(
            P9Layout.T_XATTRWALK, m -> Client.string(m.putInt(file).putInt(78), "user.one")));
  }

  /** Adversary: a guest that wants attributes that the host obeys, or all of its memory. */
  @Test
  void otherExtendedAttributes() throws IOException {
    int file = guest.create("f", 0600);
    attributesOf("f");
    for (String name :
        new String[] {
          "security.capability", "trusted.x", "system.posix_acl_access", "user.", "x"
        }) {
      assertEquals(
          P9Layout.EOPNOTSUPP,
          guest.fail(P9Layout.T_XATTRWALK, m -> Client.string(m.putInt(file).putInt(78), name)));
      int writer = guest.walk("f");
      announce(writer, name, 0, 0);
      assertEquals(P9Layout.EOPNOTSUPP, guest.fail(P9Layout.T_CLUNK, m -> m.putInt(writer)), name);
      assertEquals(P9Layout.EBADF, guest.fail(P9Layout.T_CLUNK, m -> m.putInt(writer)));
    }
    int writer = guest.walk("f");
    for (long bytes : new long[] {-1, 65537, Long.MAX_VALUE, Long.MIN_VALUE}) {
      assertEquals(
          P9Layout.E2BIG,
          guest.fail(
              P9Layout.T_XATTRCREATE,
              m -> Client.string(m.putInt(writer), "user.x").putLong(bytes).putInt(0)));
    }
    announce(writer, "user.x", 10, 0);
    int[] errors = {
      guest.fail(P9Layout.T_WRITE, m -> m.putInt(writer).putLong(1).putInt(1).put((byte) 0)),
      guest.fail(P9Layout.T_WRITE, m -> m.putInt(writer).putLong(0).putInt(11).put(new byte[11])),
      guest.fail(P9Layout.T_WRITE, m -> m.putInt(writer).putLong(-1).putInt(0)),
      guest.fail(P9Layout.T_READ, m -> m.putInt(writer).putLong(0).putInt(1)),
      guest.fail(P9Layout.T_LOPEN, m -> m.putInt(writer).putInt(0)),
      guest.fail(P9Layout.T_WALK, Client.walking(writer, 500, "x")),
      guest.fail(P9Layout.T_CLUNK, m -> m.putInt(writer)),
    };
    for (int error : errors) {
      assertEquals(P9Layout.EINVAL, error);
    }
    int refused = 0;
    int held = 0;
    for (int fid = 1000; fid < 2000 && refused == 0; fid++, held++) {
      int number = fid;
      guest.call(P9Layout.T_WALK, Client.walking(0, number, "f"));
      refused =
          guest.attempt(
              P9Layout.T_XATTRCREATE,
              m -> Client.string(m.putInt(number), "user.x").putLong(65536).putInt(0));
    }
    assertEquals(P9Layout.ENOSPC, refused);
    assertTrue(held < 50, "values that wait are bounded");
  }

  @Test
  void aLargeFolderIsListedInPieces() throws IOException {
    for (int i = 0; i < 3000; i++) {
      Files.createFile(shared.resolve("name-of-a-file-" + i));
    }
    int folder = guest.open(Client.READ);
    TreeSet<String> names = new TreeSet<>();
    long offset = 0;
    int entries = 0;
    while (true) {
      long from = offset;
      ByteBuffer list =
          guest.call(P9Layout.T_READDIR, m -> m.putInt(folder).putLong(from).putInt(1000));
      int size = list.getInt();
      assertTrue(size <= 1000);
      assertEquals(size, list.remaining());
      if (size == 0) {
        break;
      }
      while (list.remaining() > 0) {
        list.position(list.position() + 13);
        offset = list.getLong();
        list.get();
        byte[] name = new byte[list.getShort()];
        list.get(name);
        names.add(new String(name, StandardCharsets.UTF_8));
        entries++;
      }
    }
    assertEquals(3002, entries);
    assertEquals(3002, names.size());
  }

  @Test
  void foldersLinksAndRenames() throws IOException {
    guest.call(P9Layout.T_MKDIR, m -> Client.string(m.putInt(0), "d").putInt(0777).putInt(0));
    assertEquals(040777, (int) Files.getAttribute(shared.resolve("d"), "unix:mode"));
    int d = guest.walk("d");
    guest.call(
        P9Layout.T_SYMLINK,
        m -> Client.string(Client.string(m.putInt(d), "l"), "../x y").putInt(0));
    assertEquals(Path.of("../x y"), Files.readSymbolicLink(shared.resolve("d/l")));
    int l = guest.walk("d", "l");
    ByteBuffer target = guest.call(P9Layout.T_READLINK, m -> m.putInt(l));
    assertEquals(6, target.getShort());
    Files.writeString(shared.resolve("f"), "f");
    int f = guest.walk("f");
    guest.call(P9Layout.T_LINK, m -> Client.string(m.putInt(d).putInt(f), "hard"));
    assertEquals(2, Files.getAttribute(shared.resolve("f"), "unix:nlink"));
    guest.call(
        P9Layout.T_RENAMEAT, m -> Client.string(Client.string(m.putInt(d), "hard").putInt(0), "g"));
    assertEquals("f", Files.readString(shared.resolve("g")));
    assertEquals(
        39, guest.fail(P9Layout.T_UNLINKAT, m -> Client.string(m.putInt(0), "d").putInt(0x200)));
    guest.call(P9Layout.T_UNLINKAT, m -> Client.string(m.putInt(d), "l").putInt(0));
    guest.call(P9Layout.T_UNLINKAT, m -> Client.string(m.putInt(0), "d").putInt(0x200));
    assertFalse(Files.exists(shared.resolve("d")));
  }

  @Test
  void attributesAreSet() throws IOException {
    Path file = Files.writeString(shared.resolve("f"), "12345");
    int f = guest.walk("f");
    guest.call(
        P9Layout.T_SETATTR,
        m ->
            m.putInt(f)
                .putInt(1 | 8 | 0x20 | 0x100)
                .putInt(0604)
                .putInt(0)
                .putInt(0)
                .putLong(3)
                .putLong(0)
                .putLong(0)
                .putLong(1_000_000_000L)
                .putLong(5));
    assertEquals(0100604, (int) Files.getAttribute(file, "unix:mode"));
    assertEquals("123", Files.readString(file));
    assertEquals(1_000_000_000L, Files.getLastModifiedTime(file).toMillis() / 1000);
    guest.call(P9Layout.T_STATFS, m -> m.putInt(0));
  }

  @Test
  void namesAreBytes() throws IOException {
    int fid = guest.walk();
    byte[] odd = {(byte) 0xff, (byte) 0xc3, '(', ' ', '\n', (byte) 0x80};
    guest.call(
        P9Layout.T_LCREATE,
        m -> m.putInt(fid).putShort((short) odd.length).put(odd).putInt(2).putInt(0600).putInt(0));
    guest.call(
        P9Layout.T_WALK,
        m -> m.putInt(0).putInt(500).putShort((short) 1).putShort((short) odd.length).put(odd));
    try (var list = Files.list(shared)) {
      assertEquals(1, list.count());
    }
    guest.call(
        P9Layout.T_UNLINKAT, m -> m.putInt(0).putShort((short) odd.length).put(odd).putInt(0));
  }

  @Test
  void anotherVersionOfTheProtocolIsUnknown() {
    ByteBuffer answer =
        guest.call(P9Layout.T_VERSION, m -> Client.string(m.putInt(8192), "9P2000.u"));
    assertEquals(8192, answer.getInt());
    assertEquals(7, answer.getShort());
    assertEquals('u', answer.get());
  }

  @Test
  void aResetClosesEverything() throws IOException {
    guest.create("f", 0600);
    guest.driver().start(1, 1, 64);
    assertEquals(P9Layout.EBADF, guestError());
  }

  private int guestError() throws IOException {
    try (Client fresh = new Client(shared, false)) {
      return fresh.fail(P9Layout.T_CLUNK, m -> m.putInt(1));
    }
  }

  @Test
  void aFolderThatIsNotThereIsOneLine() {
    IOException e =
        assertThrows(
            IOException.class, () -> P9.share(shared.resolve("none"), "x", false, Serving.INLINE));
    assertTrue(e.getMessage().contains("no such folder"), e.getMessage());
  }
}
