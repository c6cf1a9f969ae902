/**
 * The semantics of the RISC-V F and D extensions: {@link org.duvisor.machine.fp.Fp} has one static
 * method an instruction over raw 64-bit register values, {@link org.duvisor.machine.fp.Fcsr} the
 * status and control register. {@link org.duvisor.machine.fp.Half} and {@link
 * org.duvisor.machine.fp.Zfa} have those of Zfh and Zfa.
 *
 * <p>Host arithmetic does the common case; whatever it cannot do with the exact flags goes to
 * {@link org.duvisor.machine.fp.SoftFloat}, which is integer arithmetic only. Nothing here knows of
 * instructions' encodings, of harts, of {@code mstatus.FS} or of traps: callers resolve the dynamic
 * rounding mode and reject reserved ones.
 */
@NullMarked
package org.duvisor.machine.fp;

import org.jspecify.annotations.NullMarked;
