package org.duvisor.isa;

import java.lang.reflect.Field;
import java.util.HashMap;
import java.util.Map;

/**
 * CSR numbers under the names of the specifications, upper case. Of indexed families the first
 * member is a constant and {@link #name} and {@link #number} know all of them. Numbers and names
 * only: existence, masks and effects are the machine's business.
 */
public final class Csr {
  // Unprivileged
  /** fflags */
  public static final int FFLAGS = 0x001;

  /** frm */
  public static final int FRM = 0x002;

  /** fcsr */
  public static final int FCSR = 0x003;

  /** vstart */
  public static final int VSTART = 0x008;

  /** vxsat */
  public static final int VXSAT = 0x009;

  /** vxrm */
  public static final int VXRM = 0x00a;

  /** vcsr */
  public static final int VCSR = 0x00f;

  /** ssp */
  public static final int SSP = 0x011;

  /** seed */
  public static final int SEED = 0x015;

  /** jvt */
  public static final int JVT = 0x017;

  /** cycle */
  public static final int CYCLE = 0xc00;

  /** time */
  public static final int TIME = 0xc01;

  /** instret */
  public static final int INSTRET = 0xc02;

  /** hpmcounter3 */
  public static final int HPMCOUNTER3 = 0xc03;

  /** vl */
  public static final int VL = 0xc20;

  /** vtype */
  public static final int VTYPE = 0xc21;

  /** vlenb */
  public static final int VLENB = 0xc22;

  // Supervisor level
  /** sstatus */
  public static final int SSTATUS = 0x100;

  /** sie */
  public static final int SIE = 0x104;

  /** stvec */
  public static final int STVEC = 0x105;

  /** scounteren */
  public static final int SCOUNTEREN = 0x106;

  /** senvcfg */
  public static final int SENVCFG = 0x10a;

  /** sstateen0 */
  public static final int SSTATEEN0 = 0x10c;

  /** sstateen1 */
  public static final int SSTATEEN1 = 0x10d;

  /** sstateen2 */
  public static final int SSTATEEN2 = 0x10e;

  /** sstateen3 */
  public static final int SSTATEEN3 = 0x10f;

  /** scountinhibit */
  public static final int SCOUNTINHIBIT = 0x120;

  /** sscratch */
  public static final int SSCRATCH = 0x140;

  /** sepc */
  public static final int SEPC = 0x141;

  /** scause */
  public static final int SCAUSE = 0x142;

  /** stval */
  public static final int STVAL = 0x143;

  /** sip */
  public static final int SIP = 0x144;

  /** stimecmp */
  public static final int STIMECMP = 0x14d;

  /** sctrctl */
  public static final int SCTRCTL = 0x14e;

  /** sctrstatus */
  public static final int SCTRSTATUS = 0x14f;

  /** siselect */
  public static final int SISELECT = 0x150;

  /** sireg */
  public static final int SIREG = 0x151;

  /** sireg2 */
  public static final int SIREG2 = 0x152;

  /** sireg3 */
  public static final int SIREG3 = 0x153;

  /** sireg4 */
  public static final int SIREG4 = 0x155;

  /** sireg5 */
  public static final int SIREG5 = 0x156;

  /** sireg6 */
  public static final int SIREG6 = 0x157;

  /** stopei */
  public static final int STOPEI = 0x15c;

  /** sctrdepth */
  public static final int SCTRDEPTH = 0x15f;

  /** satp */
  public static final int SATP = 0x180;

  /** srmcfg */
  public static final int SRMCFG = 0x181;

  /** scontext */
  public static final int SCONTEXT = 0x5a8;

  /** scountovf */
  public static final int SCOUNTOVF = 0xda0;

  /** stopi */
  public static final int STOPI = 0xdb0;

  // Hypervisor extension
  /** hstatus */
  public static final int HSTATUS = 0x600;

  /** hedeleg */
  public static final int HEDELEG = 0x602;

  /** hideleg */
  public static final int HIDELEG = 0x603;

  /** hie */
  public static final int HIE = 0x604;

  /** htimedelta */
  public static final int HTIMEDELTA = 0x605;

  /** hcounteren */
  public static final int HCOUNTEREN = 0x606;

  /** hgeie */
  public static final int HGEIE = 0x607;

  /** hvien */
  public static final int HVIEN = 0x608;

  /** hvictl */
  public static final int HVICTL = 0x609;

  /** henvcfg */
  public static final int HENVCFG = 0x60a;

  /** hstateen0 */
  public static final int HSTATEEN0 = 0x60c;

  /** hstateen1 */
  public static final int HSTATEEN1 = 0x60d;

  /** hstateen2 */
  public static final int HSTATEEN2 = 0x60e;

  /** hstateen3 */
  public static final int HSTATEEN3 = 0x60f;

  /** htval */
  public static final int HTVAL = 0x643;

  /** hip */
  public static final int HIP = 0x644;

  /** hvip */
  public static final int HVIP = 0x645;

  /** hviprio1 */
  public static final int HVIPRIO1 = 0x646;

  /** hviprio2 */
  public static final int HVIPRIO2 = 0x647;

  /** htinst */
  public static final int HTINST = 0x64a;

  /** hgatp */
  public static final int HGATP = 0x680;

  /** hcontext */
  public static final int HCONTEXT = 0x6a8;

  /** hgeip */
  public static final int HGEIP = 0xe12;

  // Virtual supervisor level
  /** vsstatus */
  public static final int VSSTATUS = 0x200;

  /** vsie */
  public static final int VSIE = 0x204;

  /** vstvec */
  public static final int VSTVEC = 0x205;

  /** vsscratch */
  public static final int VSSCRATCH = 0x240;

  /** vsepc */
  public static final int VSEPC = 0x241;

  /** vscause */
  public static final int VSCAUSE = 0x242;

  /** vstval */
  public static final int VSTVAL = 0x243;

  /** vsip */
  public static final int VSIP = 0x244;

  /** vstimecmp */
  public static final int VSTIMECMP = 0x24d;

  /** vsctrctl */
  public static final int VSCTRCTL = 0x24e;

  /** vsiselect */
  public static final int VSISELECT = 0x250;

  /** vsireg */
  public static final int VSIREG = 0x251;

  /** vsireg2 */
  public static final int VSIREG2 = 0x252;

  /** vsireg3 */
  public static final int VSIREG3 = 0x253;

  /** vsireg4 */
  public static final int VSIREG4 = 0x255;

  /** vsireg5 */
  public static final int VSIREG5 = 0x256;

  /** vsireg6 */
  public static final int VSIREG6 = 0x257;

  /** vstopei */
  public static final int VSTOPEI = 0x25c;

  /** vsatp */
  public static final int VSATP = 0x280;

  /** vstopi */
  public static final int VSTOPI = 0xeb0;

  // Machine level
  /** mvendorid */
  public static final int MVENDORID = 0xf11;

  /** marchid */
  public static final int MARCHID = 0xf12;

  /** mimpid */
  public static final int MIMPID = 0xf13;

  /** mhartid */
  public static final int MHARTID = 0xf14;

  /** mconfigptr */
  public static final int MCONFIGPTR = 0xf15;

  /** mstatus */
  public static final int MSTATUS = 0x300;

  /** misa */
  public static final int MISA = 0x301;

  /** medeleg */
  public static final int MEDELEG = 0x302;

  /** mideleg */
  public static final int MIDELEG = 0x303;

  /** mie */
  public static final int MIE = 0x304;

  /** mtvec */
  public static final int MTVEC = 0x305;

  /** mcounteren */
  public static final int MCOUNTEREN = 0x306;

  /** mvien */
  public static final int MVIEN = 0x308;

  /** mvip */
  public static final int MVIP = 0x309;

  /** menvcfg */
  public static final int MENVCFG = 0x30a;

  /** mstateen0 */
  public static final int MSTATEEN0 = 0x30c;

  /** mstateen1 */
  public static final int MSTATEEN1 = 0x30d;

  /** mstateen2 */
  public static final int MSTATEEN2 = 0x30e;

  /** mstateen3 */
  public static final int MSTATEEN3 = 0x30f;

  /** mcountinhibit */
  public static final int MCOUNTINHIBIT = 0x320;

  /** mcyclecfg */
  public static final int MCYCLECFG = 0x321;

  /** minstretcfg */
  public static final int MINSTRETCFG = 0x322;

  /** mhpmevent3 */
  public static final int MHPMEVENT3 = 0x323;

  /** mscratch */
  public static final int MSCRATCH = 0x340;

  /** mepc */
  public static final int MEPC = 0x341;

  /** mcause */
  public static final int MCAUSE = 0x342;

  /** mtval */
  public static final int MTVAL = 0x343;

  /** mip */
  public static final int MIP = 0x344;

  /** mtinst */
  public static final int MTINST = 0x34a;

  /** mtval2 */
  public static final int MTVAL2 = 0x34b;

  /** mctrctl */
  public static final int MCTRCTL = 0x34e;

  /** miselect */
  public static final int MISELECT = 0x350;

  /** mireg */
  public static final int MIREG = 0x351;

  /** mireg2 */
  public static final int MIREG2 = 0x352;

  /** mireg3 */
  public static final int MIREG3 = 0x353;

  /** mireg4 */
  public static final int MIREG4 = 0x355;

  /** mireg5 */
  public static final int MIREG5 = 0x356;

  /** mireg6 */
  public static final int MIREG6 = 0x357;

  /** mtopei */
  public static final int MTOPEI = 0x35c;

  /** pmpcfg0 */
  public static final int PMPCFG0 = 0x3a0;

  /** pmpaddr0 */
  public static final int PMPADDR0 = 0x3b0;

  /** mnscratch */
  public static final int MNSCRATCH = 0x740;

  /** mnepc */
  public static final int MNEPC = 0x741;

  /** mncause */
  public static final int MNCAUSE = 0x742;

  /** mnstatus */
  public static final int MNSTATUS = 0x744;

  /** mseccfg */
  public static final int MSECCFG = 0x747;

  /** mcycle */
  public static final int MCYCLE = 0xb00;

  /** minstret */
  public static final int MINSTRET = 0xb02;

  /** mhpmcounter3 */
  public static final int MHPMCOUNTER3 = 0xb03;

  /** mtopi */
  public static final int MTOPI = 0xfb0;

  // Debug triggers and debug mode
  /** tselect */
  public static final int TSELECT = 0x7a0;

  /** tdata1 */
  public static final int TDATA1 = 0x7a1;

  /** tdata2 */
  public static final int TDATA2 = 0x7a2;

  /** tdata3 */
  public static final int TDATA3 = 0x7a3;

  /** tinfo */
  public static final int TINFO = 0x7a4;

  /** tcontrol */
  public static final int TCONTROL = 0x7a5;

  /** mcontext */
  public static final int MCONTEXT = 0x7a8;

  /** dcsr */
  public static final int DCSR = 0x7b0;

  /** dpc */
  public static final int DPC = 0x7b1;

  /** dscratch0 */
  public static final int DSCRATCH0 = 0x7b2;

  /** dscratch1 */
  public static final int DSCRATCH1 = 0x7b3;

  // DV-ext, kernel-owned (docs/dv-ext.md, section 3.1 and 3.4)
  /** sedeleg */
  public static final int SEDELEG = 0x102;

  /** sideleg */
  public static final int SIDELEG = 0x103;

  /** hdvctl */
  public static final int HDVCTL = 0x6c0;

  /** hdvvmid */
  public static final int HDVVMID = 0x6c1;

  /** hdvvcpu */
  public static final int HDVVCPU = 0x6c2;

  /** hdvgein */
  public static final int HDVGEIN = 0x6c3;

  /** hdvwinsel */
  public static final int HDVWINSEL = 0x6c4;

  /** hdvwinbase */
  public static final int HDVWINBASE = 0x6c5;

  /** hdvwinlimit */
  public static final int HDVWINLIMIT = 0x6c6;

  /** The page table of the hypervisor's process, as in satp.PPN. */
  public static final int HDVROOT = 0x6c7;

  /** hdvgowner */
  public static final int HDVGOWNER = 0x6c8;

  // DV-ext, visible in HU-mode (section 3.2)
  /** utvec */
  public static final int UTVEC = 0x005;

  /** uscratch */
  public static final int USCRATCH = 0x040;

  /** uepc */
  public static final int UEPC = 0x041;

  /** ucause */
  public static final int UCAUSE = 0x042;

  /** utval */
  public static final int UTVAL = 0x043;

  /** hustatus */
  public static final int HUSTATUS = 0x800;

  /** huie */
  public static final int HUIE = 0x804;

  /** hutimedelta */
  public static final int HUTIMEDELTA = 0x805;

  /** hucounteren */
  public static final int HUCOUNTEREN = 0x806;

  /** huenvcfg */
  public static final int HUENVCFG = 0x80a;

  /** hutval */
  public static final int HUTVAL = 0x843;

  /** huip */
  public static final int HUIP = 0x844;

  /** huvip */
  public static final int HUVIP = 0x845;

  /** hutinst */
  public static final int HUTINST = 0x84a;

  /** hugatp */
  public static final int HUGATP = 0x880;

  /** huvsstatus */
  public static final int HUVSSTATUS = 0x400;

  /** huvsie */
  public static final int HUVSIE = 0x404;

  /** huvstvec */
  public static final int HUVSTVEC = 0x405;

  /** huvsscratch */
  public static final int HUVSSCRATCH = 0x440;

  /** huvsepc */
  public static final int HUVSEPC = 0x441;

  /** huvscause */
  public static final int HUVSCAUSE = 0x442;

  /** huvstval */
  public static final int HUVSTVAL = 0x443;

  /** huvsip */
  public static final int HUVSIP = 0x444;

  /** huvstimecmp */
  public static final int HUVSTIMECMP = 0x44d;

  /** huvsiselect */
  public static final int HUVSISELECT = 0x450;

  /** huvsireg */
  public static final int HUVSIREG = 0x451;

  /** huvsatp */
  public static final int HUVSATP = 0x480;

  /** huvstopi */
  public static final int HUVSTOPI = 0x8b0;

  /** vtimecmp */
  public static final int VTIMECMP = 0x401;

  /** vtimectl */
  public static final int VTIMECTL = 0x402;

  /** vcpuid */
  public static final int VCPUID = 0x482;

  /** vipi0 */
  public static final int VIPI0 = 0x483;

  /** vipiclr */
  public static final int VIPICLR = 0x484;

  /** vipi2 */
  public static final int VIPI2 = 0x485;

  /** vipi3 */
  public static final int VIPI3 = 0x486;

  // DV-ext, the guest bank of scounteren, senvcfg and sstateen0 (section 3.3)
  /** huvscounteren */
  public static final int HUVSCOUNTEREN = 0x406;

  /** huvsenvcfg */
  public static final int HUVSENVCFG = 0x40a;

  /** huvsstateen0 */
  public static final int HUVSSTATEEN0 = 0x40c;

  /**
   * Indexed families: the name without index, number of the first member, its index, members, index
   * step.
   */
  private record Family(String stem, int first, int index, int count, int step) {}

  private static final Family[] FAMILIES = {
    new Family("hpmcounter", HPMCOUNTER3, 3, 29, 1),
    new Family("mhpmcounter", MHPMCOUNTER3, 3, 29, 1),
    new Family("mhpmevent", MHPMEVENT3, 3, 29, 1),
    new Family("pmpcfg", PMPCFG0, 0, 8, 2),
    new Family("pmpaddr", PMPADDR0, 0, 64, 1),
  };

  private static final class Names {
    static final Map<String, Integer> NUMBERS = HashMap.newHashMap(512);
    static final String[] NAMES = new String[4096];

    static {
      try {
        for (Field field : Csr.class.getFields()) {
          put(field.getName().toLowerCase(java.util.Locale.ROOT), field.getInt(null));
        }
      } catch (IllegalAccessException e) {
        throw new IllegalStateException(e);
      }
      for (Family f : FAMILIES) {
        for (int i = 0; i < f.count; i++) {
          put(f.stem.concat(Integer.toString(f.index + i * f.step)), f.first + i * f.step);
        }
      }
    }

    private static void put(String name, int number) {
      NUMBERS.put(name, number);
      NAMES[number] = name;
    }
  }

  private Csr() {}

  /** The name of CSR 0..0xfff in lower case, or the number in hexadecimal when it has none. */
  public static String name(int number) {
    String name = Names.NAMES[number & 0xfff];
    return name != null ? name : "0x".concat(Integer.toHexString(number & 0xfff));
  }

  /** The number of a CSR by its lower-case name, -1 when there is none of this name. */
  public static int number(String name) {
    return Names.NUMBERS.getOrDefault(name, -1);
  }
}
