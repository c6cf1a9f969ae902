/**
 * What is loaded before a machine or VM starts: kernels, ELF programs, initial RAM disks, and where
 * they go in memory. Files come from users: whatever is wrong with one is an {@link
 * org.duvisor.devices.images.ImageException} whose message is one line naming the file and the
 * reason.
 */
@NullMarked
package org.duvisor.devices.images;

import org.jspecify.annotations.NullMarked;
