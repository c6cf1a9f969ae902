/** Tests of the translator by itself; the machine's tests run on it as well. */
@NullMarked
package org.duvisor.jit;

import org.jspecify.annotations.NullMarked;
