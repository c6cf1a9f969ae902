/** Long runs under load: not part of a usual build, see {@code SoakTest}. */
@NullMarked
package org.duvisor.conformance.soak;

import org.jspecify.annotations.NullMarked;
