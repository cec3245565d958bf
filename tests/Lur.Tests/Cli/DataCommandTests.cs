using System.Text.Json;
using Lur.Cli;
using Lur.Data;
using Lur.Tests.Data;
using StbImageSharp;

namespace Lur.Tests.Cli;

public class DataCommandTests
{
    [Test]
    public void InspectPrintsCountsThatAddUp()
    {
        var (code, output, error) = Command.Run("data", "inspect", "synthetic:train=57,test=31,seed=3", "--json");
        Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")));
        using var document = JsonDocument.Parse(output);
        var root = document.RootElement;
        Assert.That(root.GetProperty("train").GetInt32(), Is.EqualTo(57));
        Assert.That(root.GetProperty("classes").EnumerateArray().Sum(c => c.GetProperty("train").GetInt32()), Is.EqualTo(57));
        Assert.That(root.GetProperty("classes").EnumerateArray().Sum(c => c.GetProperty("test").GetInt32()), Is.EqualTo(31));
        Assert.That(root.GetProperty("mean").GetArrayLength(), Is.EqualTo(3));
        Assert.That(root.GetProperty("trainSha256").GetString(), Has.Length.EqualTo(64));
    }

    [Test]
    public void AMissingDataSetIsOneSentence()
    {
        using var temp = new TempFolder();
        var (code, output, error) = Command.Run("data", "inspect", temp["none"]);
        Assert.That((code, output), Is.EqualTo((ExitCode.Failed, "")));
        Assert.That(error.TrimEnd(), Does.StartWith("lur: ").And.Contain("none").And.Not.Contain("\n"));
    }

    [Test]
    public void TheContactSheetShowsTheSamples()
    {
        using var temp = new TempFolder();
        var file = temp["sheet.png"];
        var (code, _, error) = Command.Run("data", "inspect", "synthetic:train=40,test=10,seed=5", "--contact-sheet", file, "--quiet");
        Assert.That((code, error), Is.EqualTo((ExitCode.Done, "")));
        using var stream = File.OpenRead(file);
        var image = ImageResult.FromStream(stream, ColorComponents.RedGreenBlue);
        using var source = DataSource.Open("synthetic:train=40,test=10,seed=5");
        var train = source.Train;
        // A cell of 32 x 32 and a gap of 2: the first sample of a class starts at column 2, row 2 + 34 * class.
        Assert.That((image.Width, image.Height), Is.EqualTo((12 * 34 + 2, 10 * 34 + 2)));
        var first = train.Label(0);
        var sample = new byte[train.SampleBytes];
        train.CopyImage(0, sample);
        for (var y = 0; y < 32; y++)
        {
            for (var x = 0; x < 32; x++)
            {
                for (var c = 0; c < 3; c++)
                    Assert.That(
                        image.Data[3 * ((2 + 34 * first + y) * image.Width + 2 + x) + c],
                        Is.EqualTo(sample[c * 1024 + y * 32 + x])
                    );
            }
        }
    }

    [Test]
    public void DoctorNamesTheDevicesAndAgreesWithItsJson()
    {
        var (code, text, _) = Command.Run("doctor");
        var (jsonCode, json, _) = Command.Run("doctor", "--json");
        Assert.That(jsonCode, Is.EqualTo(code));
        using var document = JsonDocument.Parse(json);
        var devices = document.RootElement.GetProperty("devices");
        Assert.That(devices.GetArrayLength(), Is.EqualTo(Lur.Device.ComputeDevice.Count));
        foreach (var device in devices.EnumerateArray())
            Assert.That(text, Does.Contain(device.GetProperty("name").GetString()!));
    }
}
