using System.IO.Compression;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lur.Bench.Pages;
using Lur.Device;
using Lur.Tests.Architecture;

namespace Lur.Tests.Bench;

/// <summary>The ten minutes on a GPU, rehearsed on the host driver: everything runs that needs neither compute-sanitizer nor PyTorch, and
/// these two are stand-ins.</summary>
public class GpuRehearsalTests
{
    private static readonly string[] s_stages = ["doctor", "tests", "sanitizer", "steps", "peers", "kernels", "train"];

    /// <summary>As compute-sanitizer: runs the program behind its own options. To save time, for one tool of the three.</summary>
    private const string Sanitizer = """
        tool=$2
        while [[ $1 == --* ]]; do
            case $1 in --target-processes | --tool | --error-exitcode | --print-limit) shift 2 ;; *) exit 64 ;; esac
        done
        echo "========= COMPUTE-SANITIZER"
        if [ "$tool" = memcheck ]; then
            "$@" || exit
        fi
        echo "========= ERROR SUMMARY: 0 errors"
        """;

    private const string Python = """
        if [ "$1" = -c ]; then exit; fi
        [ -f "$1" ] || exit 64
        echo '{"torch": "stand-in", "lur": {"all_ms": [3.5, 2.5, 4.5], "peak_device_bytes": 1000000}}'
        """;

    [Test]
    public void EveryStageRunsOnTheHostDriver()
    {
        using var bundle = GpuBundle.OfThisBuild();
        bundle.Tool("compute-sanitizer", Sanitizer);
        bundle.Tool("python3", Python);
        var bench = Path.Combine(bundle["bundle"], "app/Lur.Bench.dll");
        var packed = ChildProcess.Run(ChildProcess.Dotnet, [bench, "gpu", "images", bundle["bundle/data"]]);
        Assert.That(packed.Output, Does.Contain("wrote 1600 and 400 images"), packed.Error);
        // 2,000 records of a label and 3 x 32 x 32 pixels.
        Assert.That(Directory.GetFiles(bundle["bundle/data"], "*.bin").Sum(f => new FileInfo(f).Length), Is.EqualTo(2000 * 3073));

        // What the other tests have compiled is not compiled again.
        var cache = ("LUR_CACHE", KernelPlaces.Default.Cache ?? "off");
        var options = bundle.Arguments("--rehearse", "--shards", "1", "--archive", bundle["results.tar.gz"]);
        var run = ChildProcess.Run("bash", options, [.. bundle.Environment, cache]);
        TestContext.Out.WriteLine(run.Text);
        Assert.That(run.ExitCode, Is.Zero, run.Text);
        foreach (var name in s_stages)
            AssertPassed(bundle, name);
        using var memcheck = JsonDocument.Parse(File.ReadAllText(Path.Combine(bundle.Out, "data/sanitizer-memcheck-tests.json")));
        Assert.That(memcheck.RootElement.GetProperty("kernelsMissing").GetRawText(), Is.EqualTo("[]"), "the sample launches every kernel");
        AssertMerged(File.ReadAllText(Path.Combine(bundle.Out, "results.json")));
        Assert.That(GpuResults.Merge(bundle.Out), Is.EqualTo(File.ReadAllText(Path.Combine(bundle.Out, "results.json"))));
        var listed = ChildProcess.Run("tar", ["-tzf", bundle["results.tar.gz"]]).Output;
        Assert.That(listed, Does.Contain("out/results.json").And.Contain("out/stages/7-train.json").And.Contain("out/train/"));
    }

    /// <summary>What the bundle holds, compressed by Brotli at a quality that does not take long; xz makes it smaller.</summary>
    [Test]
    public void TheBundleIsBelow60Megabytes()
    {
        using var bundle = GpuBundle.OfThisBuild();
        string[] left = [.. Repository.Lines("tests/gpu-bundle/leave-out.txt").Where(l => l.Length > 0)];
        Assert.That(left, Is.Not.Empty);
        var leftOut = new Regex(
            $"(^|/)({string.Join('|', left.Select(l => Regex.Escape(l).Replace("\\*", "[^/]*", StringComparison.Ordinal)))})(/|$)"
        );
        var bench = Path.GetDirectoryName(new FileInfo(Path.Combine(bundle["bundle"], "app/Lur.Bench.dll")).LinkTarget!)!;
        var version = Environment.Version;
        var packed = new Dictionary<string, string>(StringComparer.Ordinal);
        void Add(string folder, string prefix)
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            {
                if (Path.GetRelativePath(folder, file) is var name && !leftOut.IsMatch(name))
                    packed[prefix + name] = file;
            }
        }

        Add(bench, "app/");
        Add(AppContext.BaseDirectory, "app/");
        Add(Path.Combine(GpuBundle.Runtime, $"shared/Microsoft.NETCore.App/{version}"), "dotnet/");
        Assert.That(packed.Keys, Does.Contain("app/Lur.Tests.dll").And.Contain("app/Lur.Bench.dll").And.Contain("dotnet/libcoreclr.so"));
        Assert.That(packed.Keys, Has.None.Contains("CodeCoverage"));
        var counter = new CountingStream();
        using (var brotli = new BrotliStream(counter, new BrotliCompressionOptions { Quality = 5 }))
            foreach (var (_, file) in packed.OrderBy(p => Path.GetExtension(p.Key), StringComparer.Ordinal))
            {
                using var content = File.OpenRead(file);
                content.CopyTo(brotli);
            }

        // The images are noise to a compressor: they count in full.
        var megabytes = (counter.Count + (2000 * 3073)) / 1e6;
        TestContext.Out.WriteLine(FormattableString.Invariant($"{packed.Count} files, {megabytes:F1} MB"));
        Assert.That(megabytes, Is.InRange(10, 60));
    }

    private static void AssertPassed(GpuBundle bundle, string name)
    {
        var stage = bundle.Stage(name);
        Assert.That(stage.GetProperty("result").GetString(), Is.EqualTo("passed"), $"{name}: {stage.GetRawText()}");
        Assert.That(stage.GetProperty("schema").GetString(), Is.EqualTo("lur-gpu-stage-1"));
        Assert.That(stage.GetProperty("gpu").GetString(), Is.EqualTo("host driver"));
        Assert.That(stage.GetProperty("commit").GetString(), Is.EqualTo("0.1.0+test"));
        Assert.That(stage.GetProperty("seconds").GetDouble(), Is.Positive);
        Assert.That(Path.Combine(bundle.Out, stage.GetProperty("log").GetString()!), Does.Exist);
    }

    private static void AssertMerged(string json)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        Assert.That(root.GetProperty("stages").GetArrayLength(), Is.EqualTo(s_stages.Length));
        Assert.That(root.GetProperty("unreadable").GetArrayLength(), Is.Zero);
        Assert.That(root.GetProperty("tests").GetProperty("passed").GetInt32(), Is.Positive);
        Assert.That(root.GetProperty("tests").GetProperty("shardsCut").GetInt32(), Is.Zero);
        Assert.That(root.GetProperty("sanitizer").GetArrayLength(), Is.EqualTo(3));
        Assert.That(root.GetProperty("training").GetArrayLength(), Is.EqualTo(3), "a header and two epochs");
        var text = GpuTables.Render(json);
        TestContext.Out.WriteLine(text);
        // The median of the stand-in's numbers.
        Assert.That(text, Does.Match(@"\| resnet18:w4, batch 4, lur \| [0-9.]+ \| 3\.50 \| [0-9.]+ \|"));
        Assert.That(text, Does.Match(@"\| lur_meta_update \| [0-9.]+ \| [0-9]+ \| [0-9.]+ \|"));
        Assert.That(text, Does.Match(@"\| resnet\[1,1,1\]:w8, batch 8, LUR exact \| [0-9.]+ \| [0-9]+ \|"));
        Assert.That(text, Does.EndWith("`gpu-bundle/run.sh`; host driver, driver -; 0.1.0+test.\n"));
    }

    private sealed class CountingStream : Stream
    {
        public long Count { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => Count;

        public override long Position
        {
            get => Count;
            set => throw new NotSupportedException();
        }

        public override void Write(byte[] buffer, int offset, int count) => Count += count;

        public override void Write(ReadOnlySpan<byte> buffer) => Count += buffer.Length;

        public override void Flush() { }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
