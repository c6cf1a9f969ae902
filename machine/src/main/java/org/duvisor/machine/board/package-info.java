/**
 * A bare computer around the harts: a board with QEMU virt's memory map, its reset vector and
 * device tree, and the two ways to run it - one thread a hart, or all harts on one thread in
 * virtual time. No virtual machines here.
 */
@NullMarked
package org.duvisor.machine.board;

import org.jspecify.annotations.NullMarked;
