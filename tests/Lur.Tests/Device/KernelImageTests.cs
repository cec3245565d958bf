using Lur.Device;
using Lur.Tests.Data;

namespace Lur.Tests.Device;

/// <summary>Where images come from: shipped, cache, compiler; damaged entries; caches that cannot be used.</summary>
[NonParallelizable]
public class KernelImageTests
{
    private readonly Dictionary<string, string?> _before = [];
    private TempFolder _folder = null!;

    [SetUp]
    public void UseOwnFolders()
    {
        _ = TestDevices.All;
        _folder = new TempFolder();
        Set("LUR_CACHE", _folder["cache"]);
        Set("LUR_KERNEL_IMAGES", _folder["shipped"]);
    }

    [TearDown]
    public void Restore()
    {
        foreach (var (name, value) in _before)
            Environment.SetEnvironmentVariable(name, value);
        _before.Clear();
        _folder.Dispose();
    }

    [Test]
    public void ASecondProcessReadsWhatTheFirstCompiled()
    {
        Assert.That(Load(), Is.EqualTo(ImageOrigin.Compiled));
        Assert.That(Entries(), Has.Length.EqualTo(1));
        var child = ChildProcess.Probe("compile", [("LUR_CACHE", _folder["cache"])]);
        Assert.That(child.Output, Is.EqualTo("Cached"), child.Error);
    }

    [TestCase("truncated")]
    [TestCase("flipped")]
    [TestCase("empty")]
    public void ADamagedEntryIsMadeAnew(string damage)
    {
        Load();
        var entry = Entries().Single();
        var good = File.ReadAllBytes(entry);
        File.WriteAllBytes(
            entry,
            damage switch
            {
                "truncated" => good[..(good.Length / 2)],
                "empty" => [],
                _ => [.. good[..^1], (byte)(good[^1] ^ 1)],
            }
        );
        Assert.That(Load(), Is.EqualTo(ImageOrigin.Compiled));
        Assert.That(ImageFile.Read(Entries().Single()), Is.Not.Null);
        Assert.That(Load(), Is.EqualTo(ImageOrigin.Cached));
    }

    [TestCase("file")]
    [TestCase("folder")]
    [TestCase("cache")]
    [TestCase("group")]
    [TestCase("owner")]
    public void AnEntryThatSomebodyElseMayHaveWrittenIsNotExecuted(string what)
    {
        Load();
        var entry = Entries().Single();
        var folder = Path.GetDirectoryName(entry)!;
        Assert.That(UnixModes.OthersMayWrite(folder) || UnixModes.OthersMayWrite(entry), Is.False);
        switch (what)
        {
            case "file":
                UnixModes.Allow(entry, UnixFileMode.OtherWrite);
                break;
            case "folder":
                UnixModes.Allow(folder, UnixFileMode.OtherWrite);
                break;
            case "cache":
                UnixModes.Allow(_folder["cache"], UnixFileMode.OtherWrite);
                break;
            case "group":
                UnixModes.Allow(folder, UnixFileMode.GroupWrite);
                break;
            default:
                Assume.That(Environment.UserName, Is.EqualTo("root"), "only root can give a file away");
                using (var chown = System.Diagnostics.Process.Start("chown", ["12345", entry]))
                    chown.WaitForExit();
                break;
        }

        var before = (File.GetLastWriteTimeUtc(entry), File.ReadAllBytes(entry));
        var said = new List<string>();
        KernelPlaces.Default.Distrusted += said.Add;
        try
        {
            Assert.That(Load(), Is.EqualTo(ImageOrigin.Compiled));
            Assert.That(Load(), Is.EqualTo(ImageOrigin.Compiled));
        }
        finally
        {
            KernelPlaces.Default.Distrusted -= said.Add;
        }

        Assert.That((File.GetLastWriteTimeUtc(entry), File.ReadAllBytes(entry)), Is.EqualTo(before), "nothing is kept there");
        Assert.That(said.Count(s => s.Contains(_folder["cache"], StringComparison.Ordinal)), Is.EqualTo(1), "once");
    }

    [Test]
    public void WhatAKilledProcessLeftIsRemovedAndWhatALiveOneWritesIsNot()
    {
        Directory.CreateDirectory(_folder["cache/ab"]);
        string dead = _folder["cache/ab/x.image.1-0.tmp"],
            alive = _folder["cache/ab/y.image.2-0.tmp"];
        File.WriteAllText(dead, "half");
        using (new FileStream(alive, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            Assert.That(ImageFile.RemoveLeftovers(_folder["cache"]), Is.EqualTo(1));
        Assert.That((File.Exists(dead), File.Exists(alive)), Is.EqualTo((false, true)));
    }

    [Test]
    public void AnIntactEntryThatTheDriverRejectsIsMadeAnewOnce()
    {
        Load();
        var entry = Entries().Single();
        ImageFile.Write(entry, "not for this device"u8.ToArray(), "someone");
        Assert.That(Load(), Is.EqualTo(ImageOrigin.Compiled));
        Assert.That(Load(), Is.EqualTo(ImageOrigin.Cached));
    }

    [Test]
    public void TheCacheCanBeOff()
    {
        Set("LUR_CACHE", "off");
        Assert.That(Load(), Is.EqualTo(ImageOrigin.Compiled));
        Assert.That(KernelPlaces.Default.Cache, Is.Null);
    }

    [Test]
    public void ACacheThatCannotBeWrittenIsNoError()
    {
        // A file where the folder should be: refused whoever runs the test, root included.
        File.WriteAllText(_folder["cache"], "in the way");
        Assert.That(Load(), Is.EqualTo(ImageOrigin.Compiled));
    }

    [Test]
    public void ShippedImagesNeedNoCacheAndOthersCompilersImagesArePassedOver()
    {
        var device = TestDevices.Default;
        var request = KernelSource.Read("methods/proximal.cu", Precision.Float32).For(device.Properties.ComputeCapability);
        var compiler = ServingCompiler.Instance;
        var image = request.Source.Compile(compiler, request.Architecture(compiler));
        var shipped = Path.Combine(_folder["shipped"], KernelImages.ShippedName(request, request.Architecture(compiler)));
        ImageFile.Write(shipped, image, compiler.Identity);
        Assert.That(Load(), Is.EqualTo(ImageOrigin.Shipped));
        Assert.That(Directory.Exists(_folder["cache"]), Is.False);
        ImageFile.Write(shipped, image, "an older compiler");
        Assert.That(Load(), Is.EqualTo(ImageOrigin.Compiled));
    }

    [Test]
    public void AChangedHeaderOrSourceIsAnotherImage()
    {
        var target = TestDevices.Default.Properties.ComputeCapability;
        var kernels = KernelPlaces.Default.Sources!;
        Directory.CreateDirectory(_folder["kernels/include"]);
        Directory.CreateDirectory(_folder["kernels/methods"]);
        foreach (var file in Directory.GetFiles(Path.Combine(kernels, "include")).Append(Path.Combine(kernels, "methods/proximal.cu")))
            File.Copy(file, Path.Combine(_folder["kernels"], Path.GetRelativePath(kernels, file)));
        Set("LUR_KERNELS", _folder["kernels"]);
        string Key(Precision precision = Precision.Float32) =>
            KernelImages.CachePath(KernelSource.Read("methods/proximal.cu", precision).For(target), ServingCompiler.Instance)!;
        var keys = new List<string> { Key(), Key(Precision.Float64) };
        File.AppendAllText(_folder["kernels/include/prelude.cuh"], "// changed\n");
        keys.Add(Key());
        File.AppendAllText(_folder["kernels/methods/proximal.cu"], "// changed\n");
        keys.Add(Key());
        Assert.That(keys, Is.Unique);
        Assert.That(Key(), Is.EqualTo(keys[^1]));
    }

    [Test]
    public void AFileThatDoesNotCompileShowsFileTargetAndLine()
    {
        Directory.CreateDirectory(_folder["kernels/include"]);
        Directory.CreateDirectory(_folder["kernels/methods"]);
        File.WriteAllText(_folder["kernels/methods/proximal.cu"], "KERNEL nonsense(int n) {\n    undefined_thing = n;\n}\n");
        Set("LUR_KERNELS", _folder["kernels"]);
        var e = Assert.Throws<KernelCompilationException>(() => Load())!;
        Assert.That(e.Message, Does.Contain("kernels/methods/proximal.cu").And.Contain("float").And.Contain("proximal.cu:2"));
        File.Delete(_folder["kernels/methods/proximal.cu"]);
        Assert.That(Assert.Throws<FileNotFoundException>(() => Load())!.Message, Does.Contain("LUR_KERNELS"));
    }

    private static ImageOrigin Load()
    {
        using var device = ComputeDevice.Open();
        var proximal = device.Kernels(Precision.Float32).Proximal;
        proximal.Load();
        return proximal.Origin;
    }

    private string[] Entries() => Directory.GetFiles(_folder["cache"], "*.image", SearchOption.AllDirectories);

    private void Set(string name, string value)
    {
        _before.TryAdd(name, Environment.GetEnvironmentVariable(name));
        Environment.SetEnvironmentVariable(name, value);
    }
}
