/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a hart with DV-ext is told about the vCPU that is resident on it.
 * CSR numbers and their meaning: docs/dv-ext.md, section 3.
 */
#ifndef DUVISOR_HART_H
#define DUVISOR_HART_H

#include <linux/types.h>

/* Kernel-owned (section 3.1). */
#define CSR_SEDELEG		0x102
#define CSR_SIDELEG		0x103
#define CSR_HDVCTL		0x6c0
#define CSR_HDVVMID		0x6c1
#define CSR_HDVVCPU		0x6c2
#define CSR_HDVWINSEL		0x6c4
#define CSR_HDVWINBASE		0x6c5
#define CSR_HDVWINLIMIT		0x6c6
#define CSR_HDVROOT		0x6c7

#define HDVCTL_EN		BIT(0)
#define HDVCTL_HTR		BIT(1)
#define HDVCTL_KICK		BIT(3)

/* Of the hypervisor (section 3.2). */
#define CSR_UTVEC		0x005
#define CSR_USCRATCH		0x040
#define CSR_UEPC		0x041
#define CSR_UCAUSE		0x042
#define CSR_UTVAL		0x043
#define CSR_VTIMECMP		0x401
#define CSR_VTIMECTL		0x402
#define CSR_HUVSCOUNTEREN	0x406
#define CSR_HUVSENVCFG		0x40a
#define CSR_VIPI0		0x483
#define CSR_VIPICLR		0x484
#define CSR_HUSTATUS		0x800
#define CSR_HUIE		0x804
#define CSR_HUTVAL		0x843
#define CSR_HUIP		0x844
#define CSR_HUTINST		0x84a

#define UCAUSE_HOST_EVENT	(BIT(63) | 63)

/* Windows of a hart, and the permissions in a limit. */
#define DV_WINDOWS		16
#define DV_WIN_GUEST		(BIT(60) | BIT(61) | BIT(62))
#define DV_WIN_TABLES		BIT(63)

/* The bits that may be delegated (section 5). */
#define DV_SEDELEG		0xf00400
#define DV_SIDELEG		0x111
#define DV_HEDELEG		0xb1ff
#define DV_HIDELEG		0x444

struct dv_window {
	u64 base;
	u64 limit;
};

/*
 * All state of a vCPU that lives in CSRs; general registers are the thread's.
 * While it is resident, what the hart held before.
 */
struct dv_context {
	u64 utvec, uscratch, uepc, ucause, utval;
	u64 hustatus, huie, usip, hutval, hutinst;
	u64 vtimecmp, vtimectl;
	u64 hedeleg, hideleg, htimedelta, hcounteren, henvcfg, hvip, hgatp;
	u64 vsstatus, vstvec, vsscratch, vsepc, vscause, vstval, vsatp;
	u64 vstimecmp, vscounteren, vsenvcfg;
};

struct dv_fence;
struct dv_delegate;

void dv_hart_swap(struct dv_context *c);
void dv_hart_setup(const struct dv_delegate *d, const struct dv_window *w);
void dv_hart_enable(unsigned int vmid, unsigned int vcpu, u64 root);
bool dv_hart_disable(void);
bool dv_hart_take_kick(void);
void dv_hart_kick(unsigned long epc);
void dv_hart_fence(const struct dv_fence *f);
void dv_hart_fence_all(void);
void dv_hart_clear_posts(unsigned int vmid);
void dv_hart_probe(unsigned int *max_vmid, unsigned int *stage2_modes);

#endif
