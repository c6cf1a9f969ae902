/**
 * Physical memory: the one class that touches raw host memory ({@link
 * org.duvisor.machine.mem.Raw}), the map of RAM and ROM regions, and nothing that knows a hart.
 */
@NullMarked
package org.duvisor.machine.mem;

import org.jspecify.annotations.NullMarked;
