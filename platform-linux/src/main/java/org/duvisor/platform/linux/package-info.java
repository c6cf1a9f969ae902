/**
 * The contract of delegated virtualization on riscv64 Linux: requests to {@code /dev/duvisor}, and
 * machine code that enters and leaves guests, called through java.lang.foreign. Here is all that
 * knows of system calls and of registers of this process; nothing here knows what a hypervisor does
 * with it.
 */
@NullMarked
package org.duvisor.platform.linux;

import org.jspecify.annotations.NullMarked;
