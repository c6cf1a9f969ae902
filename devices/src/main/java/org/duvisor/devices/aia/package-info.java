/**
 * The RISC-V Advanced Interrupt Architecture (specification 1.0) outside the hart: IMSIC interrupt
 * files and their memory pages, and APLICs. The CSRs through which a hart uses its files are the
 * hart's business.
 */
@NullMarked
package org.duvisor.devices.aia;

import org.jspecify.annotations.NullMarked;
