/**
 * Translation of hot guest code to JVM bytecode. A region ({@link
 * org.duvisor.machine.interp.Source}) becomes one hidden class with one method: guest registers in
 * locals, guest jumps as gotos, instructions as calls of the same semantics methods that the
 * interpreter calls, which HotSpot inlines. Only loads, stores, branches and the simplest ALU
 * instructions are emitted here ({@link org.duvisor.jit.Inline}), because it was measured to pay.
 * Why a region has no calls that HotSpot does not inline: docs/decisions/0012.
 */
@NullMarked
package org.duvisor.jit;

import org.jspecify.annotations.NullMarked;
