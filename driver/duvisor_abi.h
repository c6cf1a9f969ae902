/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0 WITH Linux-syscall-note) */
/* Printed from DvAbi.java; change that instead. */
#ifndef DUVISOR_ABI_H
#define DUVISOR_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define DV_VERSION 2
#define DV_MAX_VCPUS 64
#define DV_GRANULE 0x200000UL
#define DV_GUEST_MEMORY 0
#define DV_STAGE2_TABLES 1
#define DV_FENCE_I 0
#define DV_FENCE_VVMA 1
#define DV_FENCE_VVMA_ASID 2
#define DV_FENCE_GVMA 3
#define DV_SEDELEG 0xf00400UL
#define DV_SIDELEG 0x111UL
#define DV_HEDELEG 0xb1ffUL
#define DV_HIDELEG 0x444UL

struct dv_capabilities {
	__u32 version; /* DV_VERSION of the module */
	__u32 windows; /* grants a VM can hold */
	__u64 grant_granule; /* alignment and unit of grants, bytes */
	__u64 timebase_hertz; /* ticks of time per second */
	__u32 stage2_modes; /* bit m: hugatp.MODE m is implemented */
	__u32 cache_block_bytes; /* block size of cbo.zero */
	__u32 interrupt_identities; /* of guest interrupt files; 0: there are none */
	__u32 reserved; /* 0 */
};
_Static_assert(sizeof(struct dv_capabilities) == 40, "layout");

struct dv_grant {
	__u64 bytes; /* in: a multiple of the granule */
	__u32 use; /* in: DV_GUEST_MEMORY or DV_STAGE2_TABLES */
	__u32 reserved; /* in: 0 */
	__u64 hpa; /* out: host-physical address */
	__u64 offset; /* out: where mmap of the file finds it */
};
_Static_assert(sizeof(struct dv_grant) == 32, "layout");

struct dv_revoke {
	__u64 hpa; /* as answered by DV_GRANT */
};
_Static_assert(sizeof(struct dv_revoke) == 8, "layout");

struct dv_delegate {
	__u64 sedeleg; /* exceptions to HU, of DV_SEDELEG; the others alike */
	__u64 sideleg; /* interrupts to HU */
	__u64 hedeleg; /* exceptions to the guest */
	__u64 hideleg; /* interrupts to the guest */
};
_Static_assert(sizeof(struct dv_delegate) == 32, "layout");

struct dv_fence {
	__u64 vcpus; /* bit i: vCPU i */
	__u64 start; /* first guest address */
	__u64 size; /* bytes; 0 or ~0: everything */
	__u32 kind; /* a DV_FENCE_ number */
	__u32 asid; /* used by DV_FENCE_VVMA_ASID */
};
_Static_assert(sizeof(struct dv_fence) == 32, "layout");

struct dv_file {
	__u64 hpa; /* host-physical address of its page */
	__u32 number; /* what hustatus.VGEIN selects it by */
	__u32 reserved; /* 0 */
};
_Static_assert(sizeof(struct dv_file) == 16, "layout");

#define DV_CAPABILITIES _IOR('D', 1, struct dv_capabilities)
#define DV_GRANT _IOWR('D', 2, struct dv_grant)
#define DV_REVOKE _IOW('D', 3, struct dv_revoke)
#define DV_DELEGATE _IOW('D', 4, struct dv_delegate)
#define DV_REGISTER _IO('D', 5) /* by value: vCPU index */
#define DV_UNREGISTER _IO('D', 6) /* by value: none */
#define DV_KICK _IO('D', 7) /* by value: vCPU index */
#define DV_FENCE _IOW('D', 8, struct dv_fence)
#define DV_IDLE _IO('D', 9) /* by value: deadline */
#define DV_END _IO('D', 10) /* by value: none */
#define DV_CLAIM_FILE _IOR('D', 11, struct dv_file)
#define DV_RETURN_FILE _IO('D', 12) /* by value: none */
#define DV_MESSAGE _IO('D', 13) /* by value: vCPU index << 16 | identity */

#endif
