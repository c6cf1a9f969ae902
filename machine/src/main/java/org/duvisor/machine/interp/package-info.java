/**
 * The interpreter: decoded instructions as objects. The class Ops is generated from the instruction tables when this
 * module is built; what an instruction does is in the semantics package.
 */
@NullMarked
package org.duvisor.machine.interp;

import org.jspecify.annotations.NullMarked;
