/**
 * Translation of hot guest code to JVM bytecode. A region ({@link
 * org.duvisor.machine.interp.Source}) becomes one hidden class with one method: guest registers in
 * locals, guest jumps as gotos, instructions as calls of the same semantics methods that the
 * interpreter calls, which HotSpot inlines. Nothing here knows what an instruction does, but for
 * the branch comparisons.
 */
@NullMarked
package org.duvisor.jit;

import org.jspecify.annotations.NullMarked;
