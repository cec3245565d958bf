using System.Text.Json;
using Lur.Checkpoints;
using Lur.Cli;
using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tests.Data;

namespace Lur.Tests.Cli;

/// <summary>Which sample and which class is meant, through the commands: names of samples, copies, classes by name.</summary>
public class IdentityTests
{
    private static readonly string[] s_train = ["--model", "resnet[1]:w4", "--epochs", "6", "--batch", "8"];
    private static readonly string[] s_method = ["--method", "ft", "--epochs", "1", "--batch", "8"];

    private static string Run(params string[] args)
    {
        var (code, output, error) = Command.Run(args);
        // A verification ends with the code of its verdict, which is not what these tests are about.
        Assert.That(code, args[0] == "verify" ? Is.EqualTo(ExitCode.VerdictFailed).Or.Zero : Is.Zero, error);
        return output + error;
    }

    // Three classes that a small network tells apart: red, green and blue pictures.
    private static void Write(TempFolder folder, string root, string[] names, int count = 8)
    {
        for (var c = 0; c < names.Length; c++)
        for (var i = 0; i < count; i++)
        {
            var pixels = new byte[16 * 16 * 3];
            for (var p = 0; p < pixels.Length; p++)
                pixels[p] = (byte)((p % 3 == c ? 180 : 20) + (p * 7 + i * 13 + p / 48 * i) % 50);
            folder.Write($"{root}/{names[c]}/{i:000}.png", PngWriter.Encode(16, 16, 3, pixels));
        }
    }

    private static JsonElement Result(string folder)
    {
        using var result = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "result.json")));
        return result.RootElement.Clone();
    }

    [Test]
    public void NumbersOfAFolderMeanItsFiles()
    {
        using var temp = new TempFolder();
        Write(temp, "data", ["a", "b", "c"]);
        Run(["train", "--data", temp["data"], .. s_train, "-o", temp["base"]]);
        string[] forget = ["forget", temp["base/model.safetensors"], "--data", temp["data"], .. s_method];
        using var source = DataSource.Open(temp["data"]);
        var chosen = source.Train.Identify(source.Train.Count - 1);
        var heldOut = source.Test.Identify(0);
        Run([.. forget, "--forget", temp.Write("ids.txt", $"{chosen.Number}\n"), "-o", temp["run"]]);
        var samples = Result(temp["run"]).GetProperty("samples");
        var listed = samples.GetProperty("forget");
        Assert.That(listed.GetProperty("index")[0].GetInt32(), Is.EqualTo(chosen.Number));
        Assert.That(listed.GetProperty("name")[0].GetString(), Is.EqualTo(chosen.Name));
        Assert.That(listed.GetProperty("label")[0].GetInt32(), Is.EqualTo(2));
        Assert.That(listed.GetProperty("sha256")[0].GetString(), Is.EqualTo(source.Train.ContentSha256(source.Train.Count - 1)));
        int[] Numbers(string set) => [.. samples.GetProperty(set).GetProperty("index").EnumerateArray().Select(e => e.GetInt32())];
        Assert.That(Numbers("forget").Concat(Numbers("retain")).Concat(Numbers("test")).Order(), Is.EqualTo(Enumerable.Range(0, 24)));
        Assert.That(File.ReadAllText(temp["run/report.html"]), Does.Contain(chosen.Name));

        // The list of the run asks for the same again, and leaves the same out of a training.
        Run([.. forget, "--forget", temp["run/forget.txt"], "-o", temp["again"]]);
        Assert.That(File.ReadAllBytes(temp["again/model.safetensors"]), Is.EqualTo(File.ReadAllBytes(temp["run/model.safetensors"])));
        Run(["train", "--data", temp["data"], .. s_train, "--forget", temp["run/forget.txt"], "-o", temp["without"]]);
        Assert.That(Run("verify", temp["run"], "--reference", temp["without"]), Does.Contain("verify.json"));

        var (code, _, error) = Command.Run([.. forget, "--forget", temp.Write("held.txt", $"{heldOut.Number}\n"), "-o", temp["no"]]);
        Assert.That(code, Is.EqualTo(ExitCode.Failed));
        Assert.That(error, Does.Contain($"sample {heldOut} was held out: it is in the test part, so the model never saw it"));
        Assert.That(Directory.Exists(temp["no"]), Is.False);

        // Without a split there is no fingerprint: the list of the run tells that its picture was replaced.
        File.Delete(temp["base/split.json"]);
        File.Copy(temp["data/a/000.png"], temp["data/" + chosen.Name], overwrite: true);
        (code, _, error) = Command.Run("verify", temp["run"]);
        Assert.That((code, error), Is.EqualTo((ExitCode.Failed, error)));
        Assert.That(error, Does.Contain($"sample {chosen} is not what it was"));
    }

    [Test]
    public void CopiesAreNamedCountedAndForgottenOnDemand()
    {
        using var temp = new TempFolder();
        Write(temp, "data/train", ["a", "b", "c"]);
        Write(temp, "data/test", ["a", "b", "c"], 2);
        File.WriteAllBytes(temp["data/test/a/000.png"], File.ReadAllBytes(temp["data/train/b/003.png"]));
        File.WriteAllBytes(temp["data/test/a/001.png"], File.ReadAllBytes(temp["data/train/b/004.png"]));
        foreach (var name in new[] { "b/000.png", "b/001.png", "c/000.png", "c/001.png" })
            File.WriteAllBytes(temp["data/test/" + name], File.ReadAllBytes(temp["data/train/c/007.png"]));
        File.Copy(temp["data/train/a/000.png"], temp["data/train/a/zz_copy.png"]);
        Run(["train", "--data", temp["data"], .. s_train, "-o", temp["base"]]);
        string[] forget = ["forget", temp["base/model.safetensors"], "--data", temp["data"], "--forget", "glob:a/000.png", .. s_method];
        var said = Run([.. forget, "-o", temp["run"]]);
        Assert.That(
            said,
            Does.Contain("1 picture equals a sample to forget and is retained ('train/a/zz_copy.png' has the bytes of 'train/a/000.png')")
                .And.Contain("--also-copies")
        );
        var copies = Result(temp["run"]).GetProperty("copies");
        Assert.That(
            copies.EnumerateObject().Where(p => p.Name != "pairs").Select(p => (p.Name, p.Value.GetInt32())),
            Is.EqualTo(new[] { ("retain", 1), ("validation", 0), ("test", 0), ("alsoForgotten", 0) })
        );
        Assert.That(Result(temp["run"]).GetProperty("forgetImages").GetInt32(), Is.EqualTo(1));

        Assert.That(Run([.. forget, "--also-copies", "-o", temp["both"]]), Does.Not.Contain("is retained"));
        // A plan is of what a run would forget.
        Assert.That(Run([.. forget, "--plan", "-o", temp["plan"]]), Does.Contain("is retained"));
        Assert.That(Run([.. forget, "--plan", "--also-copies", "-o", temp["plan"]]), Does.Not.Contain("is retained"));
        Assert.That(Result(temp["both"]).GetProperty("forgetImages").GetInt32(), Is.EqualTo(2));
        Assert.That(Result(temp["both"]).GetProperty("copies").GetProperty("alsoForgotten").GetInt32(), Is.EqualTo(1));
        Assert.That(File.ReadAllText(temp["both/forget.txt"]), Does.Contain("\ttrain/a/zz_copy.png\t"));
        Assert.That(Run("verify", temp["both"]), Does.Contain("verify.json"), "the set is found again");

        said = Run([.. forget, "--forget", "glob:b/003.png", "-o", temp["test"]]);
        Assert.That(said, Does.Contain("is in the test part ('test/a/000.png' has the bytes of 'train/b/003.png')"));
    }

    [Test]
    public void ClassesGoByName()
    {
        using var temp = new TempFolder();
        // Spelt with one character; "z" sorts before it, and after the two characters of its other spelling.
        Write(temp, "data", ["Apple", "z", "\u00e9cole"]);
        Write(temp, "decomposed", ["Apple", "z", "e\u0301cole"]);
        Write(temp, "renamed", ["Zapple", "z", "\u00e9cole"]);
        Write(temp, "lower", ["apple", "z", "\u00e9cole"]);
        Write(temp, "fewer", ["Apple", "z"]);
        Run(["train", "--data", temp["data"], .. s_train, "-o", temp["base"]]);
        var model = temp["base/model.safetensors"];
        var right = Run("eval", model, "--data", temp["data"], "--json", "--quiet");
        Assert.That(Run("eval", model, "--data", temp["decomposed"], "--json", "--quiet"), Is.EqualTo(right));
        foreach (
            var (data, difference) in new[]
            {
                ("renamed", "the data have no class 'Apple' of the model, and the model no class 'Zapple' of the data"),
                ("lower", "the model's class 'Apple' is 'apple' in the data: names differ by case"),
                ("fewer", "the data have no class '\u00e9cole' of the model"),
            }
        )
        {
            var (code, output, error) = Command.Run("eval", model, "--data", temp[data]);
            Assert.That((code, output), Is.EqualTo((ExitCode.Failed, "")), data);
            Assert.That(error, Does.Contain(model).And.Contain(difference), data);
        }
    }

    [Test]
    public void AModelWithItsClassesInAnotherOrderIsTheSameModel()
    {
        using var temp = new TempFolder();
        Write(temp, "data", ["a", "b", "c"]);
        Run(["train", "--data", temp["data"], .. s_train, "-o", temp["base"]]);
        var model = temp["base/model.safetensors"];
        var turned = temp.Write("turned/split.json", File.ReadAllBytes(temp["base/split.json"]));
        temp.Write("turned/config.json", File.ReadAllBytes(temp["base/config.json"]));
        turned = temp["turned/model.safetensors"];
        using (var device = ComputeDevice.Open(0))
        using (var loaded = ModelFile.Load(model, device, Precision.Float32))
        {
            loaded.ReorderOutputs([2, 0, 1]);
            Assert.That(loaded.ClassNames, Is.EqualTo(new[] { "c", "a", "b" }));
            ModelFile.Save(loaded, turned);
        }

        double[] Accuracy(string path)
        {
            using var table = JsonDocument.Parse(Run("eval", path, "--data", temp["data"], "--train", "--json", "--quiet"));
            return [.. Rows(table.RootElement).OrderBy(r => r.Class, StringComparer.Ordinal).Select(r => r.Accuracy)];
        }

        Assert.That(Accuracy(turned), Is.EqualTo(Accuracy(model)));
        Assert.That(Accuracy(model).Max(), Is.GreaterThan(60), "and it is not by chance");
        foreach (var (path, run) in new[] { (model, "plain"), (turned, "order") })
            Run(["forget", path, "--data", temp["data"], "--forget", "class:b", .. s_method, "--lr", "0.001", "-o", temp[run]]);
        Assert.That(File.ReadAllText(temp["order/forget.txt"]), Is.EqualTo(File.ReadAllText(temp["plain/forget.txt"])));
        Assert.That(Result(temp["order"]).GetProperty("samples").GetProperty("forget").GetProperty("label")[0].GetInt32(), Is.EqualTo(2));
        using (var written = SafeTensorsFile.Open(temp["order/model.safetensors"]))
            Assert.That(written.Metadata["lur.classes"], Is.EqualTo("""["c","a","b"]"""), "the order of the original stays");
        foreach (var name in new[] { "original", "unlearned" })
            Assert.That(Metrics("order", name), Is.EqualTo(Metrics("plain", name)).Within(1e-9), name);

        // References: one that has the data's order, one that is trained now, and the attack on each.
        Run(["train", "--data", temp["data"], .. s_train, "--forget", "class:b", "-o", temp["without"]]);
        foreach (var run in new[] { "plain", "order" })
            Run("verify", temp[run], "--reference", temp["without"], "--attacks", "none");
        Assert.That(Verified("order"), Is.EqualTo(Verified("plain")).Within(1e-9));
        var said = Run("verify", temp["order"], "--retrain", "1", "--relearn", "--shots", "0", "--attacks", "none");
        Assert.That(Verified("order")[1], Is.GreaterThan(60), said);

        double[] Metrics(string run, string which) =>
            [.. new[] { "ua", "ra", "ta" }.Select(m => Result(temp[run]).GetProperty(which).GetProperty(m).GetDouble())];
        double[] Verified(string run)
        {
            using var verify = JsonDocument.Parse(File.ReadAllText(Path.Combine(temp[run], "verify.json")));
            return
            [
                .. verify
                    .RootElement.GetProperty("metrics")
                    .EnumerateArray()
                    .Take(3)
                    .Select(m => m.GetProperty("retrained").GetProperty("mean").GetDouble()),
            ];
        }
    }

    private static IEnumerable<(string Class, double Accuracy)> Rows(JsonElement element)
    {
        if (
            element.ValueKind == JsonValueKind.Object
            && element.TryGetProperty("class", out var name)
            && element.TryGetProperty("accuracy", out var accuracy)
        )
            return accuracy.ValueKind == JsonValueKind.Number ? [(name.ToString(), accuracy.GetDouble())] : [];
        return element.ValueKind switch
        {
            JsonValueKind.Object => element.EnumerateObject().SelectMany(p => Rows(p.Value)),
            JsonValueKind.Array => element.EnumerateArray().SelectMany(Rows),
            _ => [],
        };
    }
}
