/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0) */
/* Printed from Csr.java; change that instead. Meaning: docs/dv-ext.md. */
#ifndef DUVISOR_CSR_H
#define DUVISOR_CSR_H

#define CSR_SEDELEG 0x102
#define CSR_SIDELEG 0x103
#define CSR_HDVCTL 0x6c0
#define CSR_HDVVMID 0x6c1
#define CSR_HDVVCPU 0x6c2
#define CSR_HDVGEIN 0x6c3
#define CSR_HDVWINSEL 0x6c4
#define CSR_HDVWINBASE 0x6c5
#define CSR_HDVWINLIMIT 0x6c6
#define CSR_HDVROOT 0x6c7
#define CSR_HDVGOWNER 0x6c8
#define CSR_UTVEC 0x005
#define CSR_USCRATCH 0x040
#define CSR_UEPC 0x041
#define CSR_UCAUSE 0x042
#define CSR_UTVAL 0x043
#define CSR_VTIMECMP 0x401
#define CSR_VTIMECTL 0x402
#define CSR_HUVSCOUNTEREN 0x406
#define CSR_HUVSENVCFG 0x40a
#define CSR_VIPI0 0x483
#define CSR_VIPICLR 0x484
#define CSR_HUSTATUS 0x800
#define CSR_HUIE 0x804
#define CSR_HUTVAL 0x843
#define CSR_HUIP 0x844
#define CSR_HUTINST 0x84a

#endif
