/**
 * The interpreter: instructions decoded once into {@link org.duvisor.machine.interp.Op} objects, kept as straight-line
 * {@link org.duvisor.machine.interp.Block}s by physical page. The ops themselves are generated from the isa tables.
 */
@NullMarked
package org.duvisor.machine.interp;

import org.jspecify.annotations.NullMarked;
