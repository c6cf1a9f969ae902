package org.duvisor.hypervisor.vcpu;

/** Numbers of the CSRs that a hypervisor uses in HU-mode (docs/dv-ext.md, section 3.2). */
public final class Csr {
  public static final int UTVEC = 0x005;
  public static final int UEPC = 0x041;
  public static final int UCAUSE = 0x042;
  public static final int UTVAL = 0x043;
  public static final int HUVSSTATUS = 0x400;
  public static final int HUVSIE = 0x404;
  public static final int HUVSTVEC = 0x405;
  public static final int HUVSCOUNTEREN = 0x406;
  public static final int HUVSENVCFG = 0x40A;
  public static final int HUVSSTATEEN0 = 0x40C;
  public static final int HUVSSCRATCH = 0x440;
  public static final int HUVSEPC = 0x441;
  public static final int HUVSCAUSE = 0x442;
  public static final int HUVSTVAL = 0x443;
  public static final int HUVSIP = 0x444;
  public static final int HUVSTIMECMP = 0x44D;
  public static final int HUVSATP = 0x480;
  public static final int VIPI0 = 0x483;
  public static final int VIPICLR = 0x484;
  public static final int HUSTATUS = 0x800;
  public static final int HUIE = 0x804;
  public static final int HUTIMEDELTA = 0x805;
  public static final int HUCOUNTEREN = 0x806;
  public static final int HUENVCFG = 0x80A;
  public static final int HUTVAL = 0x843;
  public static final int HUIP = 0x844;
  public static final int HUVIP = 0x845;
  public static final int HUTINST = 0x84A;
  public static final int HUGATP = 0x880;
  public static final int TIME = 0xC01;

  private Csr() {}
}
