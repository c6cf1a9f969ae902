/** Tests of AIA's devices. */
@NullMarked
package org.duvisor.devices.aia;

import org.jspecify.annotations.NullMarked;
