package org.duvisor.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.duvisor.isa.Cause;
import org.duvisor.machine.Mode;
import org.duvisor.machine.TrapCounts.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What traps mean, and how they are shown. */
final class ExitReportTest {
  private static final long TIMER = Cause.INTERRUPT | Cause.SUPERVISOR_TIMER;
  private static final long EXTERNAL = Cause.INTERRUPT | Cause.SUPERVISOR_EXTERNAL;

  private static final List<Kind> DUVISOR =
      List.of(
          new Kind(Mode.VS, Mode.HU, Cause.ECALL_VS, 7),
          new Kind(Mode.VS, Mode.HU, Cause.INTERRUPT | Cause.USER_SOFTWARE, 3),
          new Kind(Mode.VU, Mode.HS, TIMER, 250),
          new Kind(Mode.HU, Mode.HS, EXTERNAL, 4),
          new Kind(Mode.HU, Mode.HS, Cause.ECALL_U, 1),
          new Kind(Mode.VU, Mode.VS, Cause.ECALL_U, 99));

  private static final List<Kind> KVM =
      List.of(
          new Kind(Mode.VS, Mode.HS, Cause.ECALL_VS, 10),
          new Kind(Mode.U, Mode.HS, Cause.ECALL_U, 20),
          new Kind(Mode.HS, Mode.HS, TIMER, 50),
          new Kind(Mode.HS, Mode.M, Cause.ECALL_S, 50),
          new Kind(Mode.M, Mode.HS, Cause.LOAD_PAGE_FAULT, 1));

  @Test
  void exitsAndEntriesAreToldFromTheHostsInterrupts() {
    assertEquals(new ExitCounts(10, 1, 250, 4), ExitCounts.of(DUVISOR));
    assertEquals(new ExitCounts(10, 30, 0, 0), ExitCounts.of(KVM));
    assertEquals(new ExitCounts(0, 0, 0, 0), ExitCounts.of(List.of()));
  }

  @Test
  void theTableAndTheFileShowBoth(@TempDir Path folder) throws Exception {
    var row =
        new ExitReport.Row(
            "load", ExitReport.Cell.of(1000, DUVISOR), ExitReport.Cell.of(1000, KVM));
    var report = new ExitReport(Map.of("seed", "1"), List.of(row));
    assertTrue(
        report.text().lines().anyMatch(l -> l.matches("load +10 +1 +0.10 +250 +4 +10 +30 +3.00.*")),
        report.text());
    Path file = folder.resolve("exits.json");
    report.write(file);
    String json = Files.readString(file);
    assertTrue(
        json.contains("environment call from VS") && json.contains("\"seed\" : \"1\""), json);
  }
}
