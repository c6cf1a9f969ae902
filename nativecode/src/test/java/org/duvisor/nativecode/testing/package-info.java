/** Native code as an engine of the tests of the machine, which this module runs again with it. */
@NullMarked
package org.duvisor.nativecode.testing;

import org.jspecify.annotations.NullMarked;
