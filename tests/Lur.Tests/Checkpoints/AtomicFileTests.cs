using Lur.Tests.Data;
using Lur.Tests.Device;

namespace Lur.Tests.Checkpoints;

public class AtomicFileTests
{
    private const int Bytes = 3 << 20;

    [Test]
    public void WritesReplacesAndFollowsLinks()
    {
        using var folder = new TempFolder();
        AtomicFile.WriteText(folder["a"], "one");
        AtomicFile.WriteText(folder["a"], "zwei\n");
        File.CreateSymbolicLink(folder["link"], folder["a"]);
        AtomicFile.WriteText(folder["link"], "drei");
        Assert.That(File.ReadAllText(folder["a"]), Is.EqualTo("drei"));
        Assert.That(new FileInfo(folder["link"]).LinkTarget, Is.Not.Null);
        Assert.That(Names(folder), Is.EqualTo(new[] { "a", "link" }));
    }

    [Test]
    public void AnExceptionLeavesTheOldFile()
    {
        using var folder = new TempFolder();
        var path = folder.Write("a", "old");
        Assert.That(
            () =>
                AtomicFile.Write(
                    path,
                    s =>
                    {
                        s.Write(new byte[100_000]);
                        throw new InvalidOperationException("x");
                    }
                ),
            Throws.InvalidOperationException
        );
        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
        Assert.That(Names(folder), Is.EqualTo(new[] { "a" }));
    }

    [Test]
    public void WhereNothingCanBeWrittenIsOneSentence()
    {
        using var folder = new TempFolder();
        Assert.That(Fails(folder.Path), Does.Contain("is a folder"));
        Assert.That(Fails(folder["no/such/file"]), Does.Contain("the folder").And.Contain("does not exist; create it first"));
        Assert.That(Fails("/dev/null"), Does.Contain("is a device"));
        Assert.That(Fails(folder[new string('x', 300)]), Does.Contain("could not be written"));
        static string Fails(string path) => Assert.Throws<UserErrorException>(() => AtomicFile.WriteText(path, "x"))!.Message;
    }

    [Test]
    public void AKilledWriterLeavesTheOldFileAndALeftoverThatIsRemoved()
    {
        RequireShell();
        using var folder = new TempFolder();
        var path = folder.Write("a", "old");
        using var child = CrashHelper.Start("half", path, Bytes);
        var line = child.StandardOutput.ReadLine();
        Assert.That(line, Is.EqualTo("half"), () => child.StandardError.ReadToEnd());
        Assert.That(AtomicFile.RemoveLeftovers(folder.Path), Is.Zero, "a live writer's file must stay");
        Assert.That(Leftovers(folder), Has.Length.EqualTo(1));
        child.Kill(); // SIGKILL: nothing of the child runs any more
        child.WaitForExit();
        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
        Assert.That(Leftovers(folder), Has.Length.EqualTo(1), "the kill came in the middle of the write");
        Assert.That(AtomicFile.RemoveLeftovers(folder.Path), Is.EqualTo(1));
        Assert.That(Names(folder), Is.EqualTo(new[] { "a" }));
        Assert.That(AtomicFile.RemoveLeftovers(folder["none"]), Is.Zero);
    }

    [Test]
    public void KillsAtAnyMomentLeaveAWholeFile()
    {
        RequireShell();
        var random = TestRandom.ForCurrentTest();
        using var folder = new TempFolder();
        var path = folder["a"];
        for (var round = 0; round < 4; round++)
        {
            using var child = CrashHelper.Start("loop", path, Bytes);
            Assert.That(child.StandardOutput.ReadLine(), Is.EqualTo("started"));
            Thread.Sleep(random.Below(60));
            child.Kill();
            child.WaitForExit();
            var content = File.ReadAllBytes(path);
            Assert.That(content, Has.Length.EqualTo(Bytes));
            Assert.That(content.AsSpan().ContainsAnyExcept(content[0]), Is.False, "old and new content are mixed");
            AtomicFile.RemoveLeftovers(folder.Path);
            Assert.That(Names(folder), Is.EqualTo(new[] { "a" }));
        }
    }

    [Test]
    public void AFileSizeLimitLeavesTheOldFile()
    {
        RequireShell();
        using var folder = new TempFolder();
        var path = folder.Write("a", "old");
        using var child = CrashHelper.Start("whole", path, Bytes, "trap '' XFSZ; ulimit -f 512");
        var error = child.StandardError.ReadToEnd();
        child.WaitForExit();
        Assert.That(child.ExitCode, Is.EqualTo(1), error);
        Assert.That(
            error,
            Does.Contain(path).And.Contain("could not be written").And.Contain("what was there before is unchanged; free space there")
        );
        Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
        Assert.That(Names(folder), Is.EqualTo(new[] { "a" }));
    }

    [Test]
    public void AFullDiskLeavesTheOldFile()
    {
        using var folder = new TempFolder();
        var disk = folder["disk"];
        Directory.CreateDirectory(disk);
        if (
            !OperatingSystem.IsLinux()
            || ChildProcess.TryRun("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]) is not { ExitCode: 0 }
        )
            Assert.Ignore("A small file system could not be mounted here; a file size limit stands in for it in another test.");
        try
        {
            var path = Path.Combine(disk, "a");
            File.WriteAllText(path, "old");
            var error = Assert.Throws<UserErrorException>(() => AtomicFile.Write(path, s => s.Write(new byte[Bytes])));
            Assert.That(error!.Message, Does.Contain("No space left on device").And.Contain("unchanged"));
            Assert.That(File.ReadAllText(path), Is.EqualTo("old"));
            Assert.That(Directory.GetFiles(disk), Has.Length.EqualTo(1));
        }
        finally
        {
            ChildProcess.TryRun("umount", [disk]);
        }
    }

    private static void RequireShell()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
            Assert.Ignore("Killing a child process with SIGKILL needs a Unix system.");
    }

    private static string[] Names(TempFolder folder) =>
        [.. Directory.EnumerateFileSystemEntries(folder.Path).Select(p => Path.GetFileName(p)).Order()];

    private static string[] Leftovers(TempFolder folder) => Directory.GetFiles(folder.Path, ".*" + AtomicFile.TemporarySuffix);
}
