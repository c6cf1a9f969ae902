package org.duvisor.virtio.p9;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.duvisor.virtio.host.Errno;
import org.duvisor.virtio.p9.Nodes.Data;
import org.duvisor.virtio.p9.Nodes.Node;
import org.jspecify.annotations.Nullable;

/**
 * A 9P2000.L server for one guest: fids on an {@link Export}. Requests are answered one by one, in
 * their order, so Tflush finds nothing to flush. Not offered: authentication, ".." below the root
 * (Linux never asks), and the old Trename and Tremove, in whose place Linux uses Trenameat and
 * Tunlinkat.
 *
 * <p>Everything a guest sends is checked, and ends as a reply. One thread at a time.
 */
final class Server {
  /** Largest message: Linux's transport carries about 500 KiB. */
  static final int MAX_MESSAGE = 512 << 10;

  private static final int MIN_MESSAGE = 4096;
  private static final String VERSION = "9P2000.L";
  private static final int MAX_FIDS = 1 << 16;
  private static final int ENTRIES_BYTES = 32 << 10;

  // struct linux_dirent64.
  private static final int DIRENT_OFFSET = 8;
  private static final int DIRENT_LENGTH = 16;
  private static final int DIRENT_TYPE = 18;
  private static final int DIRENT_NAME = 19;
  private static final int DT_DIR = 4;
  private static final int DT_LNK = 10;

  private static final long UTIME_NOW = (1 << 30) - 1;
  private static final long UTIME_OMIT = (1 << 30) - 2;

  /** What a guest calls by a number. */
  private static final class Fid {
    Node node;
    final int uid;
    @Nullable Data data;
    int access;
    @Nullable Attribute attribute;

    Fid(Node node, int uid) {
      this.node = node;
      this.uid = uid;
    }

    boolean isOpen() {
      return data != null || attribute != null;
    }
  }

  private final Export export;
  private final Map<Integer, Fid> fids = new HashMap<>();
  private final MemorySegment memory = Arena.ofAuto().allocate(2L * MAX_MESSAGE, 8);
  private final Wire in = new Wire(memory.asSlice(0, MAX_MESSAGE));
  private final Wire out = new Wire(memory.asSlice(MAX_MESSAGE, MAX_MESSAGE));
  private final MemorySegment entries = Arena.ofAuto().allocate(ENTRIES_BYTES, 8);
  private final MemorySegment attributes = Arena.ofAuto().allocate(Attribute.MAX_BYTES);
  private final MemorySegment times = Arena.ofAuto().allocate(32, 8);
  private int maxMessage = MIN_MESSAGE;

  /** Bytes of extended attributes that fids hold. */
  private int attributeBytes;

  Server(Export export) {
    this.export = export;
  }

  /** Where a request goes. */
  MemorySegment request() {
    return in.memory();
  }

  /** Where its reply is. */
  MemorySegment reply() {
    return out.memory();
  }

  /** Forgets the guest: every fid is closed. */
  void clear() {
    fids.values().forEach(this::release);
    fids.clear();
    attributeBytes = 0;
    maxMessage = MIN_MESSAGE;
  }

  /** Clears and closes the folder. */
  void close() {
    clear();
    export.close();
  }

  /**
   * Answers a request.
   *
   * @param bytes of it, at least a header
   * @param room for the reply in bytes
   * @return bytes of the reply, -1 when not even an error fits
   */
  int answer(int bytes, long room) {
    if (room < P9Layout.IO_HEADER) {
      return -1;
    }
    int tag = P9Layout.NO_TAG;
    int type = P9Layout.R_LERROR - 1;
    try {
      in.window(0, P9Layout.HEADER);
      int size = in.get32();
      type = in.get8();
      tag = in.get16();
      if (size < P9Layout.HEADER || size > bytes) {
        throw new Errno(P9Layout.EPROTO);
      }
      in.window(P9Layout.HEADER, size);
      out.window(P9Layout.HEADER, (int) Math.min(room, maxMessage));
      dispatch(type);
      return finish(type + 1, tag);
    } catch (Errno e) {
      return error(e.number(), tag);
    }
  }

  private int error(int number, int tag) {
    out.window(P9Layout.HEADER, P9Layout.IO_HEADER);
    try {
      out.put32(number);
      return finish(P9Layout.R_LERROR, tag);
    } catch (Errno e) {
      throw new IllegalStateException(e); // there is room
    }
  }

  private int finish(int type, int tag) throws Errno {
    int length = out.position();
    out.window(0, P9Layout.HEADER);
    out.put32(length).put8(type).put16(tag);
    return length;
  }

  private void dispatch(int type) throws Errno {
    switch (type) {
      case P9Layout.T_VERSION -> version();
      case P9Layout.T_ATTACH -> attach();
      case P9Layout.T_FLUSH -> {}
      case P9Layout.T_WALK -> walk();
      case P9Layout.T_CLUNK -> clunk();
      case P9Layout.T_LOPEN -> open();
      case P9Layout.T_LCREATE -> create();
      case P9Layout.T_READ -> read();
      case P9Layout.T_WRITE -> write();
      case P9Layout.T_READDIR -> readFolder();
      case P9Layout.T_GETATTR -> getAttributes();
      case P9Layout.T_SETATTR -> setAttributes();
      case P9Layout.T_STATFS -> fileSystem();
      case P9Layout.T_MKDIR -> makeFolder();
      case P9Layout.T_SYMLINK -> makeLink();
      case P9Layout.T_MKNOD -> makeNode();
      case P9Layout.T_LINK -> hardLink();
      case P9Layout.T_READLINK -> readLink();
      case P9Layout.T_RENAMEAT -> rename();
      case P9Layout.T_UNLINKAT -> unlink();
      case P9Layout.T_XATTRWALK -> readAttribute();
      case P9Layout.T_XATTRCREATE -> makeAttribute();
      case P9Layout.T_FSYNC -> sync();
      case P9Layout.T_LOCK -> lock();
      case P9Layout.T_GETLOCK -> getLock();
      case P9Layout.T_REMOVE -> {
        clunk(); // it ends the fid in any case
        throw new Errno(P9Layout.EOPNOTSUPP);
      }
      default -> throw new Errno(P9Layout.EOPNOTSUPP);
    }
  }

  // ---- the session

  private void version() throws Errno {
    long wanted = in.get32() & 0xffff_ffffL;
    String version = text(in.string());
    clear();
    if (wanted < MIN_MESSAGE) {
      throw new Errno(P9Layout.EINVAL);
    }
    maxMessage = (int) Math.min(wanted, MAX_MESSAGE);
    String known = version.equals(VERSION) ? VERSION : "unknown";
    out.put32(maxMessage).string(MemorySegment.ofArray(known.getBytes(StandardCharsets.US_ASCII)));
  }

  private static String text(MemorySegment bytes) {
    return new String(bytes.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
  }

  private void attach() throws Errno {
    int number = in.get32();
    if (in.get32() != P9Layout.NO_FID) {
      throw new Errno(P9Layout.EBADF);
    }
    in.string(); // the user's name
    in.string(); // the tree's name: there is one
    int uid = in.get32();
    mayAdd(number);
    Fid fid = new Fid(export.root(), uid);
    fids.put(number, fid);
    qid(fd(fid));
  }

  private Fid fid() throws Errno {
    Fid fid = fids.get(in.get32());
    if (fid == null) {
      throw new Errno(P9Layout.EBADF);
    }
    return fid;
  }

  /** The descriptor of what a fid is: the one that it opened, or the file's. */
  private int fd(Fid fid) throws Errno {
    Data data = fid.data;
    return data == null ? export.fd(fid.node) : data.fd();
  }

  private void release(Fid fid) {
    export.release(fid.node);
    if (fid.data != null) {
      fid.data.close();
    }
    if (fid.attribute != null) {
      attributeBytes -= fid.attribute.value().length;
    }
  }

  private void mayAdd(int number) throws Errno {
    if (number == P9Layout.NO_FID || fids.containsKey(number)) {
      throw new Errno(P9Layout.EBADF);
    }
    if (fids.size() >= MAX_FIDS) {
      throw new Errno(P9Layout.ENFILE);
    }
  }

  private void clunk() throws Errno {
    Fid fid = fids.remove(in.get32());
    if (fid == null) {
      throw new Errno(P9Layout.EBADF);
    }
    try {
      Attribute attribute = fid.attribute;
      if (attribute != null && attribute.isNew()) {
        setAttribute(fid, attribute);
      }
    } finally {
      release(fid);
    }
  }

  /** Walks as far as it goes; the new fid is made only when that is all the way. */
  private void walk() throws Errno {
    int from = in.get32();
    int to = in.get32();
    int names = in.get16();
    Fid fid = fids.get(from);
    if (fid == null) {
      throw new Errno(P9Layout.EBADF);
    }
    if (names > P9Layout.MAX_WALK || fid.isOpen() && names > 0) {
      throw new Errno(P9Layout.EINVAL);
    }
    if (to != from) {
      mayAdd(to);
    }
    int count = out.position();
    out.put16(0);
    Node at = export.share(fid.node);
    int walked = 0;
    try {
      while (walked < names) {
        MemorySegment name = in.string();
        if (!(export.isRoot(at) && isParent(name))) {
          Node next = export.lookup(at, name);
          export.release(at);
          at = next;
        }
        qid(export.fd(at));
        walked++;
      }
    } catch (Errno e) {
      export.release(at);
      if (walked == 0 || e.number() == P9Layout.EPROTO) {
        throw e;
      }
      patch16(count, walked);
      return;
    }
    patch16(count, walked);
    if (to == from) {
      release(fid);
    }
    fids.put(to, new Fid(at, fid.uid));
  }

  private static boolean isParent(MemorySegment name) {
    return name.byteSize() == 2
        && name.get(ValueLayout.JAVA_BYTE, 0) == '.'
        && name.get(ValueLayout.JAVA_BYTE, 1) == '.';
  }

  private void patch16(int where, int value) throws Errno {
    int end = out.position();
    int limit = end + out.remaining();
    out.window(where, where + 2);
    out.put16(value);
    out.window(end, limit);
  }

  /** The qid of a descriptor's file. */
  private void qid(int fd) throws Errno {
    putQid(export.statx(fd));
  }

  private void putQid(MemorySegment statx) throws Errno {
    int type =
        switch (Statx.type(statx)) {
          case P9Layout.S_IFDIR -> P9Layout.QID_FOLDER;
          case P9Layout.S_IFLNK -> P9Layout.QID_LINK;
          default -> 0;
        };
    int version = (int) Statx.wide(statx, Statx.MTIME);
    out.put8(type).put32(version).put64(export.identity(Statx.device(statx), Statx.inode(statx)));
  }

  // ---- data

  private static int access(int flags) throws Errno {
    int access = flags & P9Layout.OPEN_ACCESS;
    if (access == P9Layout.OPEN_ACCESS) {
      throw new Errno(P9Layout.EINVAL);
    }
    return access;
  }

  private void open() throws Errno {
    Fid fid = fid();
    int flags = in.get32();
    if (fid.isOpen()) {
      throw new Errno(P9Layout.EINVAL);
    }
    fid.access = access(flags);
    boolean truncate = (flags & P9Layout.OPEN_TRUNC) != 0;
    Data data = export.openData(export.fd(fid.node), fid.access, truncate);
    fid.data = data;
    qid(data.fd());
    out.put32(0); // iounit: as the message's size allows
  }

  private void create() throws Errno {
    Fid fid = fid();
    MemorySegment name = in.string();
    int flags = in.get32();
    int mode = in.get32();
    int gid = in.get32();
    if (fid.isOpen()) {
      throw new Errno(P9Layout.EINVAL);
    }
    int access = access(flags);
    boolean exclusive = (flags & P9Layout.OPEN_EXCL) != 0;
    Export.Created made =
        export.create(fid.node, name, access, exclusive, mode, new Export.Owner(fid.uid, gid));
    export.release(fid.node);
    fid.node = made.node();
    fid.data = made.data();
    fid.access = access;
    qid(made.data().fd());
    out.put32(0);
  }

  /** An open fid's descriptor, if it was opened for this. */
  private static int data(Fid fid, int refused) throws Errno {
    if (fid.data == null || fid.access == refused) {
      throw new Errno(P9Layout.EBADF);
    }
    return fid.data.fd();
  }

  private void read() throws Errno {
    Fid fid = fid();
    long offset = in.get64();
    Attribute attribute = fid.attribute;
    int fd = attribute == null ? data(fid, 1) : -1;
    int most = room();
    MemorySegment into = out.memory().asSlice(P9Layout.IO_HEADER, most);
    int done =
        attribute == null
            ? (int) export.read(fd, into, most, offset)
            : attribute.copy(offset, most, into);
    out.put32(done).bytes(done);
  }

  /** How many bytes of data the request wants and the reply can have. */
  private int room() throws Errno {
    long wanted = in.get32() & 0xffff_ffffL;
    return (int) Math.min(wanted, out.remaining() - 4);
  }

  private void write() throws Errno {
    Fid fid = fid();
    long offset = in.get64();
    int bytes = in.get32();
    if (fid.attribute != null) {
      fid.attribute = fid.attribute.with(in.bytes(bytes), offset);
      out.put32(bytes);
      return;
    }
    int fd = data(fid, 0);
    MemorySegment from = in.bytes(bytes);
    out.put32((int) export.write(fd, from, bytes, offset));
  }

  private void sync() throws Errno {
    Fid fid = fid();
    boolean dataOnly = in.remaining() >= 4 && in.get32() != 0;
    if (fid.data == null) {
      throw new Errno(P9Layout.EBADF);
    }
    export.sync(fid.data.fd(), dataOnly);
  }

  /** Entries as many as fit; an offset is the host's cookie behind an entry. */
  private void readFolder() throws Errno {
    Fid fid = fid();
    long offset = in.get64();
    int fd = data(fid, 1);
    int limit = room();
    long device = Statx.device(export.statx(fd));
    int count = out.position();
    out.put32(0);
    int start = out.position();
    boolean more = true;
    while (more) {
      int bytes = (int) export.entries(fd, offset, entries);
      more = bytes > 0;
      for (int at = 0; at < bytes && more; ) {
        MemorySegment name = entryName(at);
        int length = P9Layout.QID_BYTES + 8 + 1 + 2 + (int) name.byteSize();
        more = out.position() - start + length <= limit;
        if (more) {
          offset = entries.get(ValueLayout.JAVA_LONG, at + DIRENT_OFFSET);
          entry(fid, device, at, name, offset);
          at += entries.get(ValueLayout.JAVA_SHORT, at + DIRENT_LENGTH) & 0xffff;
        } else if (out.position() == start) {
          throw new Errno(P9Layout.EINVAL); // no room for one
        }
      }
    }
    out.patch32(count, out.position() - start);
  }

  private MemorySegment entryName(int at) {
    int length = 0;
    while (entries.get(ValueLayout.JAVA_BYTE, at + DIRENT_NAME + length) != 0) {
      length++;
    }
    return entries.asSlice(at + DIRENT_NAME, length);
  }

  private void entry(Fid fid, long device, int at, MemorySegment name, long offset) throws Errno {
    int type = entries.get(ValueLayout.JAVA_BYTE, at + DIRENT_TYPE);
    if (export.isRoot(fid.node) && isParent(name)) {
      qid(fd(fid)); // there is nothing above
    } else {
      int qidType = type == DT_DIR ? P9Layout.QID_FOLDER : type == DT_LNK ? P9Layout.QID_LINK : 0;
      long inode = entries.get(ValueLayout.JAVA_LONG, at);
      out.put8(qidType).put32(0).put64(export.identity(device, inode));
    }
    out.put64(offset).put8(type).string(name);
  }

  // ---- what a file is

  private void getAttributes() throws Errno {
    MemorySegment s = export.statx(fd(fid()));
    out.put64(P9Layout.GETATTR_BASIC);
    putQid(s);
    out.put32(Statx.mode(s)).put32(Statx.number(s, Statx.UID)).put32(Statx.number(s, Statx.GID));
    out.put64(Statx.number(s, Statx.NLINK) & 0xffff_ffffL);
    out.put64(Statx.nodeDevice(s)).put64(Statx.wide(s, Statx.SIZE));
    out.put64(Statx.number(s, Statx.BLKSIZE) & 0xffff_ffffL);
    out.put64(Statx.wide(s, Statx.BLOCKS));
    for (int time : new int[] {Statx.ATIME, Statx.MTIME, Statx.CTIME}) {
      out.put64(Statx.wide(s, time)).put64(Statx.number(s, time + 8));
    }
    out.put64(0).put64(0).put64(0).put64(0); // birth, generation, data version: not told
  }

  private void setAttributes() throws Errno {
    Fid fid = fid();
    int valid = in.get32();
    int mode = in.get32();
    int uid = in.get32();
    int gid = in.get32();
    long size = in.get64();
    int fd = fd(fid);
    if ((valid & P9Layout.SET_MODE) != 0) {
      export.changeMode(fd, mode);
    }
    if ((valid & (P9Layout.SET_UID | P9Layout.SET_GID)) != 0) {
      export.changeOwner(
          fd,
          (valid & P9Layout.SET_UID) != 0 ? uid : -1,
          (valid & P9Layout.SET_GID) != 0 ? gid : -1);
    }
    if ((valid & P9Layout.SET_SIZE) != 0) {
      export.changeSize(fd, size, fid.data != null && fid.access != Libc.O_RDONLY);
    }
    if ((valid & (P9Layout.SET_ATIME | P9Layout.SET_MTIME)) != 0) {
      time(0, valid, P9Layout.SET_ATIME, P9Layout.SET_ATIME_GIVEN);
      time(16, valid, P9Layout.SET_MTIME, P9Layout.SET_MTIME_GIVEN);
      export.changeTimes(fd, times);
    }
  }

  private void time(int at, int valid, int set, int given) throws Errno {
    long seconds = in.get64();
    long nanoseconds = in.get64();
    boolean guests = (valid & given) != 0;
    times.set(ValueLayout.JAVA_LONG, at, guests ? seconds : 0);
    times.set(
        ValueLayout.JAVA_LONG,
        at + 8,
        (valid & set) == 0 ? UTIME_OMIT : guests ? nanoseconds : UTIME_NOW);
  }

  private void fileSystem() throws Errno {
    MemorySegment s = export.statfs(fd(fid()));
    out.put32((int) s.get(ValueLayout.JAVA_LONG, 0));
    out.put32((int) s.get(ValueLayout.JAVA_LONG, 8));
    for (int at = 16; at <= 56; at += 8) {
      out.put64(s.get(ValueLayout.JAVA_LONG, at));
    }
    out.put32((int) s.get(ValueLayout.JAVA_LONG, 64));
  }

  // ---- names

  private void made(Fid folder, MemorySegment name) throws Errno {
    Node made = export.lookup(folder.node, name);
    try {
      qid(export.fd(made));
    } finally {
      export.release(made);
    }
  }

  private void makeFolder() throws Errno {
    Fid folder = fid();
    MemorySegment name = in.string();
    int mode = in.get32();
    export.makeFolder(folder.node, name, mode, new Export.Owner(folder.uid, in.get32()));
    made(folder, name);
  }

  private void makeNode() throws Errno {
    Fid folder = fid();
    MemorySegment name = in.string();
    int mode = in.get32();
    in.get64(); // the device's number: no device is made
    export.makeNode(folder.node, name, mode, new Export.Owner(folder.uid, in.get32()));
    made(folder, name);
  }

  private void makeLink() throws Errno {
    Fid folder = fid();
    MemorySegment name = in.string();
    MemorySegment target = in.string();
    export.makeLink(folder.node, name, target, new Export.Owner(folder.uid, in.get32()));
    made(folder, name);
  }

  private void hardLink() throws Errno {
    Fid folder = fid();
    Fid file = fid();
    export.hardLink(fd(file), folder.node, in.string());
  }

  private void readLink() throws Errno {
    int fd = fd(fid());
    if (Statx.type(export.statx(fd)) != P9Layout.S_IFLNK) {
      throw new Errno(P9Layout.EINVAL);
    }
    int length = export.target(fd, entries);
    out.string(entries.asSlice(0, length));
  }

  private void rename() throws Errno {
    Fid from = fid();
    MemorySegment name = in.string();
    Fid to = fid();
    export.rename(from.node, name, to.node, in.string());
  }

  private void unlink() throws Errno {
    Fid folder = fid();
    MemorySegment name = in.string();
    export.unlink(folder.node, name, (in.get32() & P9Layout.UNLINK_FOLDER) != 0);
  }

  // ---- extended attributes

  /** A value, or without a name the list of names, for a new fid to read. */
  private void readAttribute() throws Errno {
    Fid fid = fid();
    int number = in.get32();
    MemorySegment name = in.string();
    mayAdd(number);
    int bytes =
        name.byteSize() == 0
            ? export.attributes(fd(fid), attributes)
            : export.attribute(fd(fid), name, attributes);
    mayHold(bytes);
    Fid reader = new Fid(export.share(fid.node), fid.uid);
    reader.attribute = Attribute.read(attributes.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE));
    attributeBytes += bytes;
    fids.put(number, reader);
    out.put64(bytes);
  }

  /** The fid is one to write a value to from now on. */
  private void makeAttribute() throws Errno {
    Fid fid = fid();
    MemorySegment name = in.string();
    long bytes = in.get64();
    int flags = in.get32();
    if (fid.isOpen() || name.byteSize() == 0) {
      throw new Errno(P9Layout.EINVAL);
    }
    if (bytes < 0 || bytes > Attribute.MAX_BYTES) {
      throw new Errno(P9Layout.E2BIG);
    }
    mayHold((int) bytes);
    fid.attribute =
        new Attribute(name.toArray(ValueLayout.JAVA_BYTE), new byte[(int) bytes], flags, 0);
    attributeBytes += (int) bytes;
  }

  private void mayHold(int more) throws Errno {
    if (attributeBytes > Attribute.MAX_HELD - more) {
      throw new Errno(P9Layout.ENOSPC);
    }
  }

  private void setAttribute(Fid fid, Attribute attribute) throws Errno {
    int bytes = attribute.value().length;
    if (attribute.filled() != bytes) {
      throw new Errno(P9Layout.EINVAL);
    }
    MemorySegment value = attributes.asSlice(0, bytes);
    value.copyFrom(MemorySegment.ofArray(attribute.value()));
    MemorySegment name = MemorySegment.ofArray(attribute.name());
    export.changeAttribute(fd(fid), name, value, attribute.flags());
  }

  // ---- locks: the guest's kernel has them; no one else is asked

  private void lock() throws Errno {
    fid();
    out.put8(P9Layout.LOCK_SUCCESS);
  }

  private void getLock() throws Errno {
    fid();
    in.get8();
    long start = in.get64();
    long length = in.get64();
    int process = in.get32();
    MemorySegment client = in.string();
    out.put8(P9Layout.LOCK_UNLOCKED).put64(start).put64(length).put32(process).string(client);
  }
}
