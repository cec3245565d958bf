using Lur.Runs;
using Lur.Tests.Cli;
using Lur.Tests.Data;
using Lur.Training;

namespace Lur.Tests.Runs;

/// <summary>Sheets that are drawn while a UNet is trained.</summary>
public class TrainSheetTests
{
    private const string Data = "synthetic:train=30,test=20,seed=5",
        Model = "unet:c4:m1,2:r1:g2";
    private TempFolder _temp = null!;

    [OneTimeSetUp]
    public void Create() => _temp = new TempFolder();

    [OneTimeTearDown]
    public void Delete() => _temp.Dispose();

    // 4 steps an epoch.
    private TrainSettings Settings(string folder, long every) =>
        new()
        {
            Data = Data,
            Model = Model,
            Output = _temp[folder],
            SheetEvery = every,
            Sheet = (stream, rows, size) =>
            {
                Assert.That((rows.Count, size), Is.EqualTo((10, (3, 32, 32))));
                foreach (var image in rows.SelectMany(row => row))
                    stream.Write(image);
            },
            Diffusion = new DiffusionTrainingOptions
            {
                Epochs = 2,
                BatchSize = 8,
                Timesteps = 100,
            },
        };

    private string[] Sheets(string folder) =>
        [.. Directory.GetFiles(_temp[folder], "sheet-*.png").Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)];

    [Test]
    public void TheyChangeNoByteOfTheModelAndAResumedRunHasTheSame()
    {
        new TrainRun(Settings("without", 0)).Run();
        new TrainRun(Settings("with", 3)).Run();
        Assert.That(Sheets("without"), Is.Empty);
        Assert.That(Sheets("with"), Is.EqualTo(new[] { "sheet-0000003.png", "sheet-0000006.png", "sheet-0000008.png" }));
        var model = File.ReadAllBytes(_temp["without/model.safetensors"]);
        Assert.That(File.ReadAllBytes(_temp["with/model.safetensors"]), Is.EqualTo(model));
        byte[] Sheet(string folder, int step) => File.ReadAllBytes(_temp[$"{folder}/sheet-{step:D7}.png"]);
        Assert.That(Sheet("with", 3), Is.Not.EqualTo(Sheet("with", 6)), "the model moved");

        // Stopped while the sheet of step 6 is drawn.
        var settings = Settings("cut", 3);
        using (var cancel = new CancellationTokenSource())
        {
            var drawn = 0;
            var cut = settings with
            {
                Sheet = (stream, rows, size) =>
                {
                    settings.Sheet!(stream, rows, size);
                    if (++drawn == 1)
                        cancel.Cancel();
                },
            };
            Assert.Throws<OperationCanceledException>(() => new TrainRun(cut).Run(cancel.Token));
        }

        Assert.That(Sheets("cut"), Is.EqualTo(new[] { "sheet-0000003.png" }));
        new TrainRun(settings with { Resume = true }).Run();
        Assert.That(Sheets("cut"), Is.EqualTo(Sheets("with")));
        foreach (var step in new[] { 3, 6, 8 })
            Assert.That(Sheet("cut", step), Is.EqualTo(Sheet("with", step)), $"step {step}");
        Assert.That(File.ReadAllBytes(_temp["cut/model.safetensors"]), Is.EqualTo(model));

        // Another run in the folder leaves none of the first one's.
        new TrainRun(Settings("cut", 8) with { Overwrite = true }).Run();
        Assert.That(Sheets("cut"), Is.EqualTo(new[] { "sheet-0000008.png" }));
        Assert.That(Sheet("cut", 8), Is.EqualTo(Sheet("with", 8)));
    }

    [Test]
    public void TheLastSheetShowsWhatTheModelDraws()
    {
        new TrainRun(Settings("shown", 100)).Run();
        Command.Done("sample", _temp["shown/model.safetensors"], "--count", "8", "--steps", "25", "-o", _temp["sample"]);
        var drawn = new List<byte[]>();
        var settings = Settings("again", 100);
        new TrainRun(settings with { Sheet = (stream, rows, size) => drawn.AddRange(rows.SelectMany(r => r)) }).Run();
        using var images = global::Lur.Data.DataSource.Open(_temp["sample"]);
        Assert.That(images.Train.Count + images.Test.Count, Is.EqualTo(drawn.Count));
        var bytes = new byte[drawn[0].Length];
        images.Train.CopyImage(0, bytes);
        Assert.That(drawn.Count(d => d.AsSpan().SequenceEqual(bytes)), Is.EqualTo(1), "a picture of 'lur sample' is on the sheet");
    }

    [Test]
    public void AClassifierHasNone()
    {
        Command.Refused(
            "draws no sheets",
            "train",
            "--data",
            Data,
            "--model",
            "resnet[1]:w4",
            "--sheet-every",
            "3",
            "-o",
            _temp["refused"]
        );
        Assert.That(Directory.Exists(_temp["refused"]), Is.False);
    }
}
