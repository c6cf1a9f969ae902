/**
 * The host side of character devices (UART, virtio-console): where a guest's output goes and its
 * input comes from. Nothing here knows a register or a virtqueue.
 */
@NullMarked
package org.duvisor.devices.chardev;

import org.jspecify.annotations.NullMarked;
