/** Tests of native code. */
@NullMarked
package org.duvisor.nativecode;

import org.jspecify.annotations.NullMarked;
