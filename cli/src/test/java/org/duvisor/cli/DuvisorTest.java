package org.duvisor.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command with VMs and boards that only remember what was asked of them. */
final class DuvisorTest {
  @TempDir private Path home;

  private final List<Object> opened = new ArrayList<>();
  private final List<String> life = new ArrayList<>();
  private Outcome outcome = Outcome.ENDED;
  private Optional<Exception> refusal = Optional.empty();

  @BeforeEach
  void images() throws IOException {
    Path images = Files.createDirectories(home.resolve("guest/images"));
    Files.createFile(images.resolve("Image.gz"));
    Files.createFile(images.resolve("initramfs.cpio.gz"));
  }

  private record Result(int code, String out, String err) {
    /** The first line of the messages, for those that must be one line and a hint at most. */
    String line() {
      return err.lines().findFirst().orElse("");
    }
  }

  private final class Remembered implements Session {
    @Override
    public Outcome run() {
      life.add("run");
      return outcome;
    }

    @Override
    public void stop() {
      life.add("stop");
    }

    @Override
    public long instructions() {
      return 0;
    }

    @Override
    public String statistics() {
      return "exits: 42\n";
    }

    @Override
    public void close() {
      life.add("close");
    }
  }

  private Session open(Object options) throws IOException {
    opened.add(options);
    if (refusal.isPresent()) {
      switch (refusal.get()) {
        case IOException e -> throw e;
        case RuntimeException e -> throw e;
        case Exception e -> throw new AssertionError(e);
      }
    }
    return new Remembered();
  }

  private final class RememberedBoards implements Boards {
    @Override
    public Session open(BoardOptions options, InputStream input, OutputStream output)
        throws IOException {
      return DuvisorTest.this.open(options);
    }

    @Override
    public void dumpDeviceTree(BoardOptions options, Path file) throws IOException {
      opened.add(options);
      Files.writeString(file, "tree");
    }
  }

  private Result run(boolean debug, String... arguments) {
    var out = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();
    int code =
        Duvisor.run(
            arguments,
            (options, input, output) -> open(options),
            new RememberedBoards(),
            home,
            debug,
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    return new Result(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  private Result run(String... arguments) {
    return run(false, arguments);
  }

  @Test
  void runWithoutOptionsIsTheProjectsGuest() {
    assertEquals(new Result(0, "", ""), run("run"));
    var images = home.resolve("guest/images");
    assertEquals(
        List.of(
            new VmOptions(
                new GuestOptions(
                    GuestOptions.Boot.of(
                        images.resolve("Image.gz"), images.resolve("initramfs.cpio.gz"), ""),
                    new Size(512 << 20),
                    List.of(),
                    List.of(),
                    List.of(),
                    GuestOptions.Execution.of(Engine.jit),
                    true),
                1,
                false,
                VmOptions.Console.uart,
                Harts.Choice.auto,
                1L << 30,
                false,
                Optional.empty())),
        opened);
    assertEquals(List.of("run", "close"), life);
  }

  @Test
  void anotherKernelComesWithoutTheProjectsInitrd() {
    assertEquals(0, run("run", "--kernel", "k").code());
    assertEquals(Optional.empty(), ((VmOptions) opened.getFirst()).guest().initrd());
  }

  @Test
  void allOptionsOfRun() {
    Result result =
        run(
            "run",
            "--kernel=k",
            "--initrd=i",
            "--append",
            "a b",
            "--cpus=4",
            "--aia=aplic-imsic",
            "--memory=2G",
            "--disk=x",
            "--disk",
            "y,ro",
            "--share=s,ro",
            "--net=tcp:h:1",
            "--console=virtio",
            "--harts=simulated",
            "--leaf=4K",
            "--engine=jit",
            "--no-reboot",
            "--stats");
    assertEquals(new Result(0, "", "exits: 42\n"), result);
    assertEquals(
        new VmOptions(
            new GuestOptions(
                GuestOptions.Boot.of(Path.of("k"), Path.of("i"), "a b"),
                new Size(2L << 30),
                List.of(Disk.of(Path.of("x"), false), Disk.of(Path.of("y"), true)),
                List.of(new Share(Path.of("s"), true, Optional.empty())),
                List.of(new Net.Card(new Net.Tcp("h", 1), Optional.empty())),
                GuestOptions.Execution.of(Engine.jit),
                false),
            4,
            true,
            VmOptions.Console.virtio,
            Harts.Choice.simulated,
            4096,
            true,
            Optional.empty()),
        opened.getFirst());
  }

  /** The images' script, which only says where they would be. */
  private void fullStack(String script) throws IOException {
    Path jars = Files.createDirectories(home.resolve("cli/target"));
    Files.createFile(jars.resolve("duvisor.jar"));
    Path file = home.resolve("guest/full-stack.sh");
    Files.writeString(file, "#!/bin/sh\n" + script);
    assertTrue(file.toFile().setExecutable(true));
  }

  private BoardOptions host(String append, Path root, int harts, boolean deterministic) {
    return new BoardOptions(
        Optional.of(home.resolve("fw")),
        new GuestOptions(
            GuestOptions.Boot.of(
                home.resolve("k"), home.resolve("i"), "console=ttyS0 quiet" + append),
            new Size(1 << 30),
            List.of(Disk.of(root, !root.toString().endsWith(".training"))),
            List.of(),
            List.of(),
            GuestOptions.Execution.of(Engine.jit),
            true),
        harts,
        Optional.empty(),
        deterministic,
        Aia.none,
        OptionalInt.empty(),
        0);
  }

  private static final String PLACES =
      "d=${0%/guest/*}; for f in firmware=fw kernel=k initrd=i root=r; do echo ${f%=*}=$d/${f#*=};"
          + " done";

  @Test
  void hostBootsTheFullStackWithAGuest() throws IOException {
    fullStack(PLACES);
    Result result =
        run(
            "host",
            "--no-training",
            "--smp=2",
            "--deterministic",
            "--",
            "--memory=64M",
            "--cpus",
            "2");
    assertEquals(new Result(0, "", ""), result);
    assertEquals(
        List.of(
            host(
                " duvisor.run=--verbose,--append,quiet,--memory=64M,--cpus,2",
                home.resolve("r"),
                2,
                true)),
        opened);
  }

  @Test
  void aTrainingThatIsNotSeenToEndIsNotUsed() throws IOException {
    fullStack(PLACES);
    Files.createFile(home.resolve("r"));
    Result result = run("host", "--shell", "--smp=2");
    assertEquals(0, result.code());
    assertTrue(result.err().contains("did not work"), result.err());
    Path part = ((BoardOptions) opened.getFirst()).guest().disks().getFirst().file();
    assertEquals(
        List.of(host(" duvisor.train", part, 1, true), host("", home.resolve("r"), 2, false)),
        opened);
    assertFalse(Files.exists(part));
  }

  @Test
  void aFullStackThatCannotBeBuiltIsOneLine() throws IOException {
    assertTrue(run("host").line().contains("does not hold them"));
    fullStack("exit 1");
    assertEquals(
        new Result(1, "", "duvisor: the images of the full stack could not be built; see above\n"),
        run("host"));
  }

  /** Building takes minutes: a mistake that can be told before is told before. */
  @Test
  void optionsAreCheckedBeforeAnythingIsBuilt() throws IOException {
    fullStack("touch \"$0.ran\"\n" + PLACES);
    Path built = home.resolve("guest/full-stack.sh.ran");
    Path file = Files.createFile(home.resolve("file"));
    String[][] wrong = { // the message, and what is asked
      {"a board has 1 to 64 harts, not 0", "--smp", "0"},
      {"a board has 1 to 64 harts, not -3", "--smp=-3"},
      {"--memory 1: the full stack's host needs at least 256M", "--memory", "1"},
      {"the memory of a board is a multiple of 4 KiB", "--memory", "268435457"},
      {"the memory of a board is a multiple of 4 KiB", "--memory", "2T"},
      {"Invalid value for option '--memory'", "--memory", "much"},
      {"nonexist: no such f", "--share", "nonexist"},
      {file + ": ", "--share", file.toString()},
      {
        "two shared folders have the tag x",
        "--share",
        home + ",tag=x",
        "--share=" + home + ",tag=x"
      },
      {"--net unix:" + file + "x: there is no such socket", "--net", "unix:" + file + "x"},
      {"a VM has 1 to 64 vCPUs, not 0", "--", "--cpus", "0"},
      {"a VM has 1 to 64 vCPUs, not 65", "--", "--cpus=65"},
      {"the memory of a VM is a multiple of 2 MiB", "--", "--memory", "3M"},
      {"-- --memory 768M: the host has 1G", "--", "--memory", "768M"},
      {"-- --memory 256M: the host has 256M", "--memory", "256M"},
      {"after --: Unknown option: '--bogus'", "--", "--bogus"},
      {"after --: Unmatched argument at index 5: 'word'", "--", "word"},
      {"after --: Invalid value for option '--cpus'", "--", "--cpus", "two"},
      {"after --: Invalid value for option '--console'", "--", "--console=x"},
      {"after --: Missing required parameter", "--", "--disk"},
      {"after --: Invalid value for option '--aia': 'aplic'", "--", "--aia", "aplic"},
      {"-- --aia aplic-imsic needs harts", "--", "--aia", "aplic-imsic"},
      {"-- --net user: there is no passt", "--", "--net", "user"},
      {"help for the options after -- is in: duvisor run --help", "--", "--help"},
      {"--shell starts no guest", "--shell", "--", "--cpus=2"},
    };
    for (String[] row : wrong) {
      String[] arguments = row.clone();
      arguments[0] = "host";
      Result result = run(arguments);
      assertTrue(result.code() == 1 || result.code() == 2, result.err());
      assertTrue(result.line().startsWith("duvisor: "), result.err());
      assertTrue(result.line().contains(row[0]), row[0] + " <> " + result.err());
      assertTrue(result.err().lines().count() <= 2, result.err());
      assertFalse(Files.exists(built), row[0]);
    }
    assertEquals(List.of(), opened);
    Path nowhere = home.resolve("nope/x");
    for (String experiment : List.of("exits", "boot", "micro")) {
      for (Path out : List.of(nowhere, home, Path.of("/proc/x"))) {
        Result result = run("lab", experiment, "--out", out.toString());
        assertEquals(2, result.code(), result.err());
        assertTrue(result.line().contains("'" + out + "'"), result.err());
      }
    }
    Result engine = run("lab", "engine", "--out", file.resolve("x").toString());
    assertTrue(engine.line().contains("is no folder that can be written"), engine.err());
    assertFalse(Files.exists(built));
  }

  @Test
  void hostTakesDebiansKernel() throws IOException {
    fullStack("echo \"$@\" >\"$0.ran\"\n" + PLACES);
    assertEquals(0, run("host", "--no-training", "--shell", "--stock").code());
    assertEquals(
        "--jars " + home.resolve("cli/target") + " --stock\n",
        Files.readString(home.resolve("guest/full-stack.sh.ran")));
  }

  /** Adversary: options that would become other words of the host kernel's command line. */
  @Test
  void optionsForTheGuestStayOptions() throws IOException {
    fullStack(PLACES);
    for (String bad : List.of("a b", "a,b", "$(x)", "'", "")) {
      assertEquals(2, run("host", "--", bad).code(), bad);
    }
    assertEquals(List.of(), opened);
  }

  @Test
  void allOptionsOfMachine() {
    Result result =
        run(
            "machine",
            "--kernel=k",
            "--initrd=i",
            "--append=c",
            "--smp=3",
            "--memory=64M",
            "--disk=d",
            "--net=unix:s",
            "--dtb=t",
            "--deterministic",
            "--aia=aplic-imsic",
            "--aia-guests=3",
            "--max-instructions=5000000000",
            "firmware");
    assertEquals(new Result(0, "", ""), result);
    assertEquals(
        new BoardOptions(
            Optional.of(Path.of("firmware")),
            new GuestOptions(
                GuestOptions.Boot.of(Path.of("k"), Path.of("i"), "c"),
                new Size(64 << 20),
                List.of(Disk.of(Path.of("d"), false)),
                List.of(),
                List.of(new Net.Card(new Net.Unix(Path.of("s")), Optional.empty())),
                GuestOptions.Execution.of(Engine.jit),
                true),
            3,
            Optional.of(Path.of("t")),
            true,
            Aia.imsic,
            OptionalInt.of(3),
            5_000_000_000L),
        opened.getFirst());
  }

  @Test
  void theProgramOfTheFinisherIsTheExitCode() {
    outcome = new Outcome(37, "");
    assertEquals(new Result(37, "", ""), run("machine", "test.elf"));
  }

  @Test
  void aDeviceTreeIsWrittenInsteadOfRunning() throws IOException {
    Path file = home.resolve("board.dtb");
    assertEquals(new Result(0, "", ""), run("machine", "--dump-dtb", file.toString()));
    assertEquals("tree", Files.readString(file));
    assertEquals(List.of(), life);
  }

  @Test
  void aGuestThatFailsHasOneLine() {
    outcome = Outcome.failed("guest panicked");
    assertEquals(new Result(1, "", "duvisor: guest panicked\n"), run("run"));
  }

  @Test
  void wrongOptionsAreOneLineAndExitCode2() {
    for (String[] wrong :
        new String[][] {
          {},
          {"walk"},
          {"run", "--cpus", "two"},
          {"run", "--memory", "0"},
          {"run", "--net", "tap"},
          {"run", "--disk", ",ro"},
          {"run", "--share", ",ro"},
          {"machine", "--share", "d,tag=a/b"},
          {"run", "--console", "vga"},
          {"run", "--kernel"},
          {"run", "extra"},
          {"run", "--cpus=1", "--cpus=2"},
          {"machine", "a", "b"},
          {"machine", "a", "--bios", "b"},
        }) {
      Result result = run(wrong);
      String asked = String.join(" ", wrong);
      assertEquals(2, result.code(), asked);
      assertTrue(result.line().startsWith("duvisor: "), asked + ": " + result.err());
      assertEquals(2, result.err().lines().count(), asked + ": " + result.err());
      assertEquals("", result.out(), asked);
    }
    assertEquals(List.of(), opened);
  }

  @ParameterizedTest
  @CsvSource({
    "rnu,             run",
    "machin,          machine",
    "lab micr,        micro",
    "run --memroy=5,  --memory",
    "run --kernal x,  --kernel",
    "machine --smb 2, --smp",
  })
  void aSlipIsAnsweredWithWhatIsNear(String asked, String meant) {
    Result result = run(asked.split(" "));
    assertEquals(2, result.code());
    assertTrue(result.line().endsWith("; did you mean " + meant + "?"), result.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"x", "run --zzzzzz", "host --q"})
  void whatIsNearNothingIsOnlyRefused(String asked) {
    assertFalse(run(asked.split(" ")).line().contains("mean"), asked);
  }

  @ParameterizedTest
  @CsvSource({
    "run --aia imsic,         'none, aplic-imsic'",
    "run --aia aplic,         'none, aplic-imsic'",
    "machine --aia imsic,     'none, aplic, aplic-imsic'",
    "host --aia APLIC,        'none, aplic, aplic-imsic'",
    "run --dump-translations=,          is no folder that can be written",
    "run --dump-translations=/dev/null/x, is no folder that can be written",
    "run --kernel=,           an empty name is no file's",
    "completion extra,        'extra'",
    "lab engine --engine=qemu, 'interpreter, jit'",
  })
  void wrongValuesAreToldFromWhatThereIs(String asked, String said) {
    Result result = run(asked.split(" "));
    assertEquals(2, result.code(), result.err());
    assertTrue(result.line().contains(said), result.err());
    assertEquals(List.of(), opened);
  }

  @Test
  void helpAndVersionAreWordsToo() {
    assertEquals(run("--help"), run("help"));
    assertEquals(run("run", "--help"), run("help", "run"));
    assertEquals(run("lab", "boot", "--help"), run("help", "lab", "boot"));
    assertEquals(run("--version"), run("version"));
    assertEquals(run("--version"), run("run", "-V"));
    assertEquals(2, run("help", "bogus").code());
  }

  /** A file's name may begin with @; it is no list of arguments. */
  @Test
  void namesWithAnAtAreNames() throws IOException {
    Path list = Files.writeString(home.resolve("list"), "--bogus");
    assertEquals(0, run("machine", "@" + list).code());
    assertEquals(Optional.of(Path.of("@" + list)), ((BoardOptions) opened.getFirst()).bios());
  }

  @Test
  void whatTheDomainRefusesIsOneLineAndExitCode1() {
    refusal = Optional.of(new UserError("at most 64 vCPUs"));
    assertEquals(new Result(1, "", "duvisor: at most 64 vCPUs\n"), run("run"));
    refusal = Optional.of(new NoSuchFileException("/x/Image"));
    assertEquals(new Result(1, "", "duvisor: /x/Image: no such file\n"), run("run"));
    refusal = Optional.of(new NoSuchFileException("disk image x: no such file"));
    assertEquals(new Result(1, "", "duvisor: disk image x: no such file\n"), run("run"));
    refusal = Optional.of(new IOException("disk.img: truncated\nat 4096"));
    assertEquals(new Result(1, "", "duvisor: disk.img: truncated at 4096\n"), run("run"));
  }

  @Test
  void aBugIsOneLineUnlessAskedForMore() {
    refusal = Optional.of(new IllegalStateException("ring"));
    Result plain = run("run");
    assertEquals(1, plain.code());
    assertEquals(
        "duvisor: internal error: IllegalStateException: ring (run again with DUVISOR_DEBUG=1 to"
            + " see where)\n",
        plain.err());
    assertTrue(run(true, "run").err().contains("\tat org.duvisor.cli."));
  }

  @Test
  void missingImagesAreNamed() throws IOException {
    Files.delete(home.resolve("guest/images/Image.gz"));
    Result result = run("run");
    assertEquals(1, result.code());
    assertTrue(
        result.err().endsWith("Image.gz is missing; name another with --kernel\n"), result.err());
  }

  @Test
  void helpAndVersionGoToStandardOutput() {
    for (String command : List.of("run", "machine")) {
      Result help = run(command, "--help");
      assertEquals(0, help.code());
      assertEquals("", help.err());
      assertTrue(help.out().contains("Examples:"), help.out());
    }
    Result version = run("--version");
    assertEquals(0, version.code());
    assertTrue(
        version.out().matches("duvisor \\d+\\.\\d+\\S* \\(revision \\S+\\)\\RJVM: .*\\R"),
        version.out());
  }

  @Test
  void completionIsAScriptThatKnowsTheCommands() {
    Result result = run("completion");
    assertEquals(0, result.code());
    assertTrue(result.out().contains("--max-instructions"));
    assertFalse(result.out().contains("generate-completion"));
  }
}
