/**
 * What instructions do: one static method each, named by the instruction tables, called by the
 * interpreter's ops and by translated code. Registers, immediates and pcs are longs, register and
 * CSR numbers ints. No state lives here.
 */
@NullMarked
package org.duvisor.machine.semantics;

import org.jspecify.annotations.NullMarked;
