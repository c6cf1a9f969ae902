package org.duvisor.machine;

import org.duvisor.devices.MmioBus;
import org.duvisor.isa.Cause;
import org.duvisor.isa.Csr;
import org.duvisor.isa.CsrField;
import org.duvisor.machine.dv.Windows;
import org.duvisor.machine.mem.CodeDirectory;
import org.duvisor.machine.mem.Raw;

/**
 * Memory as the instructions of a hart see it: the software TLBs and everything behind a miss -
 * translation ({@link Walker}), PMP, windows, MMIO, misaligned and page-crossing accesses.
 */
public final class Mmu {
  /** Kinds of access; the values are PMP and window permission bits. */
  static final int READ = 1;

  static final int WRITE = 2;
  static final int EXECUTE = 4;

  private static final int PERM_U = 0;
  private static final int PERM_S = 1;
  private static final int PERM_S_SUM = 2;
  private static final int PERM_M = 3;

  /** Stands where a guest's regime has its hgatp: the key of the space of M-mode. */
  private static final long BARE = 1;

  /** Context of accesses that are never cached. */
  private static final long UNCACHED = Tlb.context(Spaces.UNCACHED, PERM_U);

  /** The fields of a status register that contexts are made of. */
  private static final long CONTEXT_STATUS =
      Csr.MSTATUS_MPRV | Csr.MSTATUS_MPP | Csr.MSTATUS_MPV | Csr.SSTATUS_MXR | Csr.SSTATUS_SUM;

  /** Bytes of a cache block (Zicbom, Zicboz). */
  public static final int BLOCK = 64;

  private final Hart h;
  private final Walker walker;
  final Tlb readTlb = new Tlb();
  final Tlb writeTlb = new Tlb();
  final Tlb fetchTlb = new Tlb();
  private final Spaces spaces = new Spaces();
  private final CodeDirectory code;

  /**
   * Host address of the last store that was translated, if it is not in the write TLB and has to be
   * reported; else 0.
   */
  private long unseen;

  private int hostSpace;
  private int guestSpace;
  private int hostGlobal;
  private int guestGlobal;
  private final int[] notGlobal = new int[2]; // supervisor pages without G, by V
  private int bareSpace;
  private boolean stale = true;

  // The regime of data accesses, kept by updateContext.
  private boolean dataV;
  private int dataPriv;
  private boolean dataMxr;

  /** The fields of mstatus and vsstatus that the context of data was made of. */
  private long contextStatus;

  private long contextGuestStatus;

  /** Bits of data addresses that do not count, from the highest on; see {@link #masked}. */
  private int dataMask;

  /** Whether the highest bit that counts is repeated there; zeros otherwise. */
  private boolean dataSigned;

  Mmu(Hart h) {
    this.h = h;
    this.walker = new Walker(h);
    this.code = h.memory.code();
  }

  // ---- regimes

  /** satp, vsatp, hgatp or hdv* changed. */
  void regimeChanged() {
    stale = true;
    h.contextChanged();
    h.attend(); // ends translated code that may not be mapped any more
  }

  private void refreshSpaces() {
    CsrFile c = h.csrs;
    bareSpace = spaces.of(false, 0, BARE);
    hostSpace = spaces.of(false, c.state.satp(), 0);
    guestSpace = spaces.of(true, c.state.vsatp(), c.effectiveHgatp());
    hostGlobal =
        hasGlobal(false, c.state.satp()) ? spaces.global(false, c.state.satp(), 0) : hostSpace;
    guestGlobal =
        hasGlobal(true, c.state.vsatp())
            ? spaces.global(true, c.state.vsatp(), c.effectiveHgatp())
            : guestSpace;
    if (bareSpace == Spaces.NOBODY
        || hostSpace == Spaces.NOBODY
        || guestSpace == Spaces.NOBODY
        || hostGlobal == Spaces.NOBODY
        || guestGlobal == Spaces.NOBODY) {
      readTlb.clear();
      writeTlb.clear();
      fetchTlb.clear();
      spaces.reset();
      refreshSpaces();
      h.engine.mappingChanged(); // numbers mean other regimes now
    }
    stale = false;
  }

  /**
   * Supervisor pages without G before a supervisor counts as one that does not use it: until then
   * they are not cached.
   */
  private static final int MAX_NOT_GLOBAL = 64;

  private boolean hasGlobal(boolean v, long satp) {
    return satp >>> 60 != 0 && notGlobal[v ? 1 : 0] < MAX_NOT_GLOBAL;
  }

  /** Whether the contexts are those of these values of mstatus and vsstatus. */
  boolean hasContextOf(long status, long guestStatus) {
    return !stale
        && (status & CONTEXT_STATUS) == contextStatus
        && (guestStatus & CONTEXT_STATUS) == contextGuestStatus;
  }

  /** Recomputes the contexts of fetches and data accesses after a change of mode or regime. */
  void updateContext() {
    if (stale) {
      refreshSpaces();
    }
    CsrFile c = h.csrs;
    boolean v = h.v;
    int priv = h.priv;
    h.fetchContext = context(priv, v, priv == Hart.U ? PERM_U : PERM_S);
    if (priv == Hart.M && CsrField.get(c.state.mstatus(), Csr.MSTATUS_MPRV) != 0) {
      priv = CsrField.get(c.state.mstatus(), Csr.MSTATUS_MPP);
      v = priv != Hart.M && CsrField.get(c.state.mstatus(), Csr.MSTATUS_MPV) != 0;
    }
    contextStatus = c.state.mstatus() & CONTEXT_STATUS;
    contextGuestStatus = c.state.vsstatus() & CONTEXT_STATUS;
    long status = v ? c.state.vsstatus() : c.state.mstatus();
    dataV = v;
    dataPriv = priv;
    dataMxr = CsrField.get(status | c.state.mstatus(), Csr.SSTATUS_MXR) != 0;
    updateMask(pmm(v, priv));
    int perm =
        priv == Hart.U ? PERM_U : CsrField.get(status, Csr.SSTATUS_SUM) != 0 ? PERM_S_SUM : PERM_S;
    h.dataContext = dataMxr ? UNCACHED : context(priv, v, perm);
    h.readTlb = readTlb.select(Tlb.spaceOf(h.dataContext));
    h.writeTlb = writeTlb.select(Tlb.spaceOf(h.dataContext));
    fetchTlb.select(Tlb.spaceOf(h.fetchContext));
  }

  private long context(int priv, boolean v, int perm) {
    if (priv == Hart.M) {
      return Tlb.context(bareSpace, PERM_M);
    }
    int space = perm == PERM_S ? v ? guestGlobal : hostGlobal : v ? guestSpace : hostSpace;
    return Tlb.context(space, perm);
  }

  // ---- fences

  /** Forgets every translation. */
  public void flushAll() {
    spaces.retire(false, -1, -1);
    spaces.retire(true, -1, -1);
    regimeChanged();
  }

  /**
   * sfence.vma: {@code asid} -1 = all address spaces; {@code all} = every address, else the one at
   * {@code va}.
   */
  public void fenceHost(boolean all, long va, long asid) {
    fence(false, all, va, asid, -1);
  }

  /** hfence.vvma for the VMID in effect. */
  public void fenceGuest(boolean all, long va, long asid) {
    fenceGuest(all, va, asid, Spaces.vmidOf(h.csrs.effectiveHgatp()));
  }

  /** hfence.vvma for a VMID. */
  public void fenceGuest(boolean all, long va, long asid, long vmid) {
    fence(true, all, va, asid, vmid);
  }

  /**
   * hfence.gvma: stage-2 translations of a VMID (-1 = all); the combined entries are not indexed by
   * guest-physical address.
   */
  public void fenceStage2(long vmid) {
    spaces.retire(true, -1, vmid);
    regimeChanged();
  }

  private void fence(boolean v, boolean all, long va, long asid, long vmid) {
    if (all) {
      spaces.retire(v, asid, vmid);
      regimeChanged();
      return;
    }
    long leaf = spaces.largestLeaf(v, va, asid, vmid);
    if (leaf > 4096) { // its pages are anywhere in the TLBs: as if for every address
      spaces.retire(v, asid, vmid);
      regimeChanged();
    } else {
      readTlb.dropPage(va);
      writeTlb.dropPage(va);
      fetchTlb.dropPage(va);
      h.reservedHost(0); // as a change of mode or regime does
      h.engine.mappingChanged(va);
    }
  }

  // ---- data accesses that missed

  /** Loads {@code width} bytes, zero-extended. */
  public long load(long va, int width) {
    if (crossesPage(va, width)) {
      return loadCrossing(va, width);
    }
    long host = translateData(va, va, width, READ);
    if (host != 0) {
      return loadHost(host, width);
    }
    return loadDevice(va, width);
  }

  private static long loadHost(long host, int width) {
    return switch (width) {
      case 1 -> Raw.loadByte(host) & 0xff;
      case 2 -> Raw.loadShort(host) & 0xffff;
      case 4 -> Raw.loadInt(host) & 0xffff_ffffL;
      default -> Raw.loadLong(host);
    };
  }

  private long loadCrossing(long va, int width) {
    long second = (va & Tlb.PAGE_MASK) + 4096;
    int firstBytes = (int) (second - va);
    long hostA = required(translateData(va, va, firstBytes, READ), va, Cause.LOAD_ACCESS_FAULT);
    long hostB =
        required(
            translateData(second, va, width - firstBytes, READ), second, Cause.LOAD_ACCESS_FAULT);
    long value = 0;
    for (int i = width - 1; i >= 0; i--) {
      long byteHost = i < firstBytes ? hostA + i : hostB + (i - firstBytes);
      value = value << 8 | Raw.loadByte(byteHost) & 0xff;
    }
    return value;
  }

  /** Stores the low {@code width} bytes. */
  public void store(long va, int width, long value) {
    if (crossesPage(va, width)) {
      storeCrossing(va, width, value);
      return;
    }
    long host = translateData(va, va, width, WRITE);
    if (host == 0) {
      storeDevice(va, width, value);
      return;
    }
    switch (width) {
      case 1 -> Raw.storeByte(host, value);
      case 2 -> Raw.storeShort(host, value);
      case 4 -> Raw.storeInt(host, value);
      default -> Raw.storeLong(host, value);
    }
    stored(0);
  }

  /**
   * To be called after a store to what {@link #atomic} or {@link #zeroable} returned: code that was
   * decoded from that page is dropped. The running block ends if it is such code.
   *
   * @return its argument
   */
  public long stored(long result) {
    if (unseen != 0) {
      report(unseen);
    }
    return result;
  }

  private void report(long host) {
    code.written(host, 1);
    h.requests.serveIfAsked();
  }

  /** Lets a page of memory go, for its code is decoded. */
  void forgetWritable(long host) {
    writeTlb.dropHost(host);
    h.attend(); // translated code may still hold the address of an entry
  }

  /** The same for all pages. */
  void forgetWritable() {
    writeTlb.clear();
    h.attend();
  }

  private void storeCrossing(long va, int width, long value) {
    long second = (va & Tlb.PAGE_MASK) + 4096;
    int firstBytes = (int) (second - va);
    long hostA = required(translateData(va, va, firstBytes, WRITE), va, Cause.STORE_ACCESS_FAULT);
    long hostB =
        required(
            translateData(second, va, width - firstBytes, WRITE), second, Cause.STORE_ACCESS_FAULT);
    for (int i = 0; i < width; i++) {
      long byteHost = i < firstBytes ? hostA + i : hostB + (i - firstBytes);
      Raw.storeByte(byteHost, value >>> (8 * i));
    }
    report(hostA); // one of them may be in the TLB, the other not
    report(hostB);
  }

  /** A misaligned access half in memory and half in a device is an access fault. */
  private long required(long host, long va, int cause) {
    if (host == 0) {
      throw h.traps.exception(cause, masked(va), 0, 0, dataV);
    }
    return host;
  }

  /**
   * Host address for an atomic access, which must be aligned and in memory; {@link #stored} follows
   * the access if it stores.
   *
   * @param write store permission is needed (everything but LR)
   */
  public long atomic(long va, int width, boolean write) {
    if ((va & (width - 1)) != 0) {
      throw h.traps.exception(
          write ? Cause.STORE_MISALIGNED : Cause.LOAD_MISALIGNED,
          masked(va),
          0,
          Trap.TRANSFORM,
          dataV);
    }
    long entry = (write ? writeTlb : readTlb).entry(va);
    if (Tlb.tag(entry) == (va & Tlb.PAGE_MASK | h.dataContext)) {
      unseen = 0;
      return va + Tlb.addend(entry);
    }
    long host;
    walker.also = READ;
    try {
      host = translateData(va, va, width, write ? WRITE : READ);
    } finally {
      walker.also = 0;
    }
    if (host == 0) {
      throw h.traps.exception(
          write ? Cause.STORE_ACCESS_FAULT : Cause.LOAD_ACCESS_FAULT,
          masked(va),
          0,
          Trap.TRANSFORM,
          dataV);
    }
    return host;
  }

  /**
   * Host address of a naturally aligned cache block that may be stored to; {@link #stored} follows.
   */
  public long zeroable(long va) {
    return required(translateData(va, va, BLOCK, WRITE), va, Cause.STORE_ACCESS_FAULT);
  }

  /**
   * Checks that a cache block may be managed: any access permission will do, faults are those of
   * stores (Zicbom).
   */
  public void touchBlock(long address) {
    long va = address & -BLOCK;
    long host;
    try {
      host = translateData(va, va, BLOCK, READ);
    } catch (Trap readFault) {
      host = translateData(va, va, BLOCK, WRITE);
    }
    if (host == 0 && h.bus.find(devicePa, 1) == null) {
      throw walker.accessFault(va, WRITE, dataV); // nothing is there
    }
  }

  private static boolean crossesPage(long va, int width) {
    return (va & 4095) > 4096 - width;
  }

  private long devicePa;

  /** Translates and enters the TLB; returns the host address, or 0 with {@link #devicePa} set. */
  private long translateData(long va, long accessVa, int width, int kind) {
    CsrFile c = h.csrs;
    long status = dataV ? c.state.vsstatus() : c.state.mstatus();
    boolean sum = CsrField.get(status, Csr.SSTATUS_SUM) != 0;
    walker.offset = (int) (va - accessVa);
    h.counters.happens(kind == WRITE ? CounterEvent.DTLB_WRITE_MISS : CounterEvent.DTLB_READ_MISS);
    long pa = walker.translate(masked(va), kind, dataV, dataPriv, sum, dataMxr);
    return finish(va, pa, width, kind, h.dataContext);
  }

  /**
   * Pointer masking (Ssnpm, Smnpm): the address without what the program keeps in its highest bits.
   * The TLBs hold addresses as programs have them, so that hits need no masking.
   */
  private long masked(long va) {
    if (dataMask == 0) {
      return va;
    }
    return dataSigned ? va << dataMask >> dataMask : va << dataMask >>> dataMask;
  }

  /** How many bits of data addresses are a program's own, given the privilege of the access. */
  private void updateMask(long pmm) {
    HartState s = h.csrs.state;
    dataMask = dataMxr ? 0 : pmm == 2 ? 7 : pmm == 3 ? 16 : 0;
    dataSigned = (dataV ? s.vsatp() : s.satp()) >>> 60 != 0;
  }

  private long pmm(boolean v, int priv) {
    CsrFile c = h.csrs;
    return switch (priv) {
      case Hart.M -> 0;
      case Hart.S ->
          v
              ? CsrField.get(c.readHenvcfg(), Csr.HENVCFG_PMM)
              : CsrField.get(c.state.menvcfg(), Csr.MENVCFG_PMM);
      default ->
          CsrField.get(
              v && c.dvEnabled ? c.state.huvsenvcfg() : c.state.senvcfg(), Csr.SENVCFG_PMM);
    };
  }

  private long finish(long va, long pa, int width, int kind, long context) {
    Pmp.Verdict verdict = h.pmp.check(pa, width, kind | walker.also, dataPriv);
    if (verdict == Pmp.Verdict.DENIED) {
      throw walker.accessFault(masked(va), kind, dataV);
    }
    long host = h.memory.host(pa, width, kind == WRITE);
    if (host == 0) {
      devicePa = pa;
      return 0;
    }
    boolean cacheable = verdict == Pmp.Verdict.ALLOWED_PAGE && context != UNCACHED;
    if (kind == WRITE) {
      cacheable &= walker.isReadable(pa); // an AMO that finds it would read as well
    }
    cacheable = cacheable && isCacheable(context, dataV);
    if (kind == WRITE) {
      cacheable = cacheable && code.mayWrite(h.requests.number(), code.page(host));
      unseen = cacheable ? 0 : host;
    }
    if (cacheable) {
      enter(kind == WRITE ? writeTlb : readTlb, va, context, host - va);
    }
    return host;
  }

  /** Whether the last translation, made in a context, may be cached for it. */
  private boolean isCacheable(long context, boolean v) {
    if (walker.leafGlobal || !spaces.isGlobal(Tlb.spaceOf(context))) {
      return true;
    }
    if (++notGlobal[v ? 1 : 0] == MAX_NOT_GLOBAL) {
      regimeChanged();
    }
    return false;
  }

  private void enter(Tlb tlb, long va, long context, long addend) {
    tlb.fill(va, context, addend);
    spaces.note(Tlb.spaceOf(context), va, walker.leafBytes);
  }

  // ---- devices

  private long loadDevice(long va, int width) {
    MmioBus.Window w = h.bus.find(devicePa, width);
    if (w == null || (va & (width - 1)) != 0 || walker.also == EXECUTE) { // no device is executable
      throw walker.accessFault(masked(va), READ, dataV);
    }
    return h.bus.read(w, devicePa, width);
  }

  private void storeDevice(long va, int width, long value) {
    MmioBus.Window w = h.bus.find(devicePa, width);
    if (w == null || (va & (width - 1)) != 0) {
      throw walker.accessFault(masked(va), WRITE, dataV);
    }
    if (dataV && h.csrs.dvEnabled && h.owners.isGuestFile(devicePa)) {
      synchronized (h.owners.lock(devicePa)) { // the owner may have changed since the walk
        walker.checkOwner(devicePa);
        h.bus.write(w, devicePa, width, value);
      }
      return;
    }
    h.bus.write(w, devicePa, width, value);
  }

  // ---- fetches

  /** The physical address of an instruction, when it is in the TLB; else -1. Never traps. */
  public long probeFetch(long va) {
    long entry = fetchTlb.entry(va);
    return Tlb.tag(entry) == (va & Tlb.PAGE_MASK | h.fetchContext) ? va + Tlb.addend(entry) : -1;
  }

  /** Whether the last {@link #fetch} may be cached for its page. */
  boolean fetchCacheable;

  /**
   * Translates the address of an instruction parcel.
   *
   * @return the physical address
   */
  public long fetch(long va) {
    boolean v = h.v;
    long entry = fetchTlb.entry(va);
    if (Tlb.tag(entry) == (va & Tlb.PAGE_MASK | h.fetchContext)) {
      fetchCacheable = true;
      return va + Tlb.addend(entry);
    }
    h.counters.happens(CounterEvent.ITLB_MISS);
    walker.offset = 0;
    long pa = walker.translate(va, EXECUTE, v, h.priv, false, false);
    Pmp.Verdict verdict = h.pmp.check(pa, 2, EXECUTE, h.priv);
    if (verdict == Pmp.Verdict.DENIED || h.memory.host(pa, 2, false) == 0) {
      throw walker.accessFault(va, EXECUTE, v);
    }
    fetchCacheable = verdict == Pmp.Verdict.ALLOWED_PAGE;
    long context = h.fetchContext;
    if (fetchCacheable && isCacheable(context, v)) {
      enter(fetchTlb, va, context, pa - va);
    }
    return pa;
  }

  /** Whether what {@link #fetch} returned holds for the whole page. */
  public boolean isFetchCacheable() {
    return fetchCacheable;
  }

  // ---- HLV, HSV and their HU forms

  /**
   * An access to guest memory from outside the guest.
   *
   * @param priv privilege of the access (SPVP)
   * @param executable HLVX: execute permission stands in for read in the translation
   */
  public long loadGuest(long va, int width, int priv, boolean executable) {
    return asGuest(va, width, priv, READ, executable, 0);
  }

  /** A store to guest memory from outside the guest. */
  public void storeGuest(long va, int width, int priv, long value) {
    asGuest(va, width, priv, WRITE, false, value);
  }

  private long asGuest(long va, int width, int priv, int kind, boolean executable, long value) {
    boolean v = dataV;
    int p = dataPriv;
    boolean m = dataMxr;
    long context = h.dataContext;
    int mask = dataMask;
    boolean signed = dataSigned;
    CsrFile c = h.csrs;
    try {
      dataV = true;
      dataPriv = priv;
      dataMxr = CsrField.get(c.state.vsstatus() | c.state.mstatus(), Csr.SSTATUS_MXR) != 0;
      updateMask(executable ? 0 : pmmAsGuest(priv));
      h.dataContext = UNCACHED;
      walker.also = executable ? EXECUTE : 0;
      if (kind == READ) {
        return load(va, width);
      }
      store(va, width, value);
      return 0;
    } finally {
      walker.also = 0;
      dataV = v;
      dataPriv = p;
      dataMxr = m;
      dataMask = mask;
      dataSigned = signed;
      h.dataContext = context;
    }
  }

  /** HLV and HSV in user mode have a field of hstatus for accesses as VU. */
  private long pmmAsGuest(int priv) {
    boolean user = priv == Hart.U && h.priv == Hart.U && !h.csrs.dvEnabled;
    return user ? CsrField.get(h.csrs.state.hstatus(), Csr.HSTATUS_HUPMM) : pmm(true, priv);
  }

  /** The window permissions of physical ones: kinds of access, or more than one of them. */
  static long windowPermissions(int kinds) {
    return kinds * Windows.READ; // both have R, W, X from the lowest bit on
  }
}
