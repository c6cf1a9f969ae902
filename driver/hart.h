/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a hart with DV-ext is told about the vCPU that is resident on it. What
 * CSRs mean: docs/dv-ext.md, section 3.
 */
#ifndef DUVISOR_HART_H
#define DUVISOR_HART_H

#include <linux/bits.h>
#include <linux/types.h>
#include <asm/csr.h>

#include "duvisor_csr.h"

#define UCAUSE_HOST_EVENT	(UCAUSE_INTERRUPT | UCAUSE_CODE)

/* Windows of a hart, and the permissions in a limit. */
#define DV_WINDOWS		16
#define DV_WIN_GUEST		(BIT(60) | BIT(61) | BIT(62))
#define DV_WIN_TABLES		BIT(63)

struct dv_window {
	u64 base;
	u64 limit;
};

/*
 * All state of a vCPU that lives in CSRs; general registers are the thread's.
 * While it is resident, what the hart held before.
 */
struct dv_context {
	u64 csr[DV_SWITCHED_COUNT];	/* in the order of DV_SWITCHED */
	u64 usip, vsiselect;
};

/* The owner of guest interrupt files that are no VM's. */
#define DV_NOBODY		(~0UL)

/* What every hart has: 14 bits of VMID, Sv39x4 and Sv48x4. */
#define DV_MAX_VMID		0x3fff
#define DV_STAGE2_MODES		(BIT(8) | BIT(9))

struct dv_fence;
struct dv_delegate;

void dv_hart_swap(struct dv_context *c);
void dv_hart_setup(const struct dv_delegate *d, const struct dv_window *w);
void dv_hart_fence(const struct dv_fence *f);
void dv_hart_fence_all(void);
void dv_hart_clear_posts(unsigned int vmid);
bool dv_hart_give_file(unsigned int file, unsigned long owner);

#endif
