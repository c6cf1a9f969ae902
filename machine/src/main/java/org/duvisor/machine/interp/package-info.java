/**
 * The interpreter, and what translators share with it: instructions decoded once into {@link
 * org.duvisor.machine.interp.Op} objects, kept as straight-line {@link
 * org.duvisor.machine.interp.Block}s by physical page; hot blocks as entries of regions ({@link
 * org.duvisor.machine.interp.Source}). The class Ops is generated from the instruction tables when
 * this module is built; what an instruction does is in the semantics package.
 */
@NullMarked
package org.duvisor.machine.interp;

import org.jspecify.annotations.NullMarked;
