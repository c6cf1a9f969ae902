/**
 * The hart: its state ({@link org.duvisor.machine.Hart}), CSRs, traps, address translation and the
 * delegated-virtualization extension. What executes instructions is behind {@link
 * org.duvisor.machine.Engine}; what an instruction means is in {@code semantics} and {@code fp};
 * boards and devices are in {@code board}. Only this package knows how the parts of a hart see each
 * other, and that is why they are together.
 */
@NullMarked
package org.duvisor.machine;

import org.jspecify.annotations.NullMarked;
