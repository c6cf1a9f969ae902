/**
 * Device trees: building them as {@link org.duvisor.devices.fdt.Node}s, and the flattened form
 * (Devicetree Specification 0.4, chapter 5).
 */
@NullMarked
package org.duvisor.devices.fdt;

import org.jspecify.annotations.NullMarked;
