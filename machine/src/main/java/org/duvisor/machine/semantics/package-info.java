/**
 * What each instruction does, once: static methods named in the isa tables, called by the interpreter and by translated code. No state here;
 * what is more than a few lines belongs to the hart.
 */
@NullMarked
package org.duvisor.machine.semantics;

import org.jspecify.annotations.NullMarked;
