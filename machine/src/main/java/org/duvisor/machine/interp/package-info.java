/**
 * <<<<<<< HEAD The interpreter: instructions decoded once into {@link
 * org.duvisor.machine.interp.Op} objects, kept as straight-line {@link
 * org.duvisor.machine.interp.Block}s by physical page. The ops themselves are generated from the
 * isa tables. ======= The interpreter: decoded instructions as objects. The class Ops is generated
 * from the instruction tables when this module is built; what an instruction does is in the
 * semantics package. >>>>>>> isa
 */
@NullMarked
package org.duvisor.machine.interp;

import org.jspecify.annotations.NullMarked;
