using System.CommandLine;
using System.Globalization;
using Lur.Cli.Printing;
using Lur.Data;
using Lur.Reports;

namespace Lur.Cli.Commands;

/// <summary>lur data inspect: what a data set holds, before hours are spent on it.</summary>
internal static class DataCommand
{
    private static readonly Argument<string> s_location = new("DATA")
    {
        Description = "A folder or file (CIFAR binary, IDX, folder of images), or synthetic[:train=N,test=M,seed=S], or shapes.",
    };

    private static readonly Option<int?> s_imageSize = SharedOptions.ImageSize();

    private static readonly Option<string?> s_sheet = new("--contact-sheet")
    {
        Description = "Write a PNG with the first samples of every class, a row for each class.",
        HelpName = "FILE.png",
    };

    private static readonly Option<bool> s_near = new("--near")
    {
        Description = "List pairs of samples that look alike: whose 64-bit difference hashes are near.",
    };

    private static readonly Option<int> s_distance = SharedOptions.Number(
        "--near-distance",
        "Bits in which the hashes of a pair may differ.",
        NearCopies.DefaultDistance,
        "a whole number of bits from 0 to 63",
        n => n is >= 0 and <= 63
    );

    public static Command Create()
    {
        var inspect = new Command("inspect", "Print classes, counts, sizes, mean and deviation of a data set.")
        {
            s_location,
            s_imageSize,
            s_sheet,
            s_near,
            s_distance,
        }
            .WithExamples(
                "lur data inspect synthetic:train=1000,test=200",
                "lur data inspect cifar-10-batches-bin --contact-sheet cifar.png",
                "lur data inspect photos --image-size 64 --near",
                "lur data inspect photos --image-size 64 --json"
            )
            .Runs(
                (context, parsed, cancel) =>
                    Inspect(
                        context,
                        parsed.GetRequiredValue(s_location),
                        parsed.GetValue(s_imageSize),
                        parsed.GetValue(s_sheet),
                        parsed.GetValue(s_near) ? parsed.GetValue(s_distance) : null,
                        cancel
                    )
            );
        return new Command("data", "Look at data sets.") { inspect };
    }

    private static int Inspect(
        CommandContext context,
        string location,
        int? imageSize,
        string? sheet,
        int? distance,
        CancellationToken cancel
    )
    {
        // A picture of the set would be replaced; a new file among them is the user's choice.
        if (sheet is not null && File.Exists(sheet) && Path.Exists(location) && RealPath.IsIn(sheet, location))
            throw new UserErrorException($"'{sheet}' is a file of the data set and would be replaced; give another name.");
        using var source = SharedOptions.Open(context, location, imageSize);
        cancel.ThrowIfCancellationRequested();
        var statistics = ChannelStatistics.Measure(source.Train);
        cancel.ThrowIfCancellationRequested();
        if (sheet is not null)
            AtomicFile.Write(Path.GetFullPath(sheet), stream => ContactSheet.Write(stream, source.Train));
        var near = distance is { } bits ? NearCopies.Find(source, bits, NearReport.Limit, cancel) : null;
        var classes = Classes(source);
        if (context.Json)
            context.Output.WriteLine(Json(source, statistics, classes, near, distance));
        else
        {
            var train = source.Train;
            context.Output.WriteLine($"format      {source.Format}");
            context.Output.WriteLine(
                $"image       {train.Channels} x {train.Height} x {train.Width} (channels, rows, columns), {train.SampleBytes} bytes"
            );
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"training    {train.Count:N0} samples"));
            context.Output.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"test        {source.Test.Count:N0} samples ({source.TestOrigin})")
            );
            context.Output.WriteLine($"mean        {Join(statistics.Mean)}");
            context.Output.WriteLine($"deviation   {Join(statistics.StandardDeviation)}");
            TablePrinter.Print(context, classes);
            if (near is not null)
                NearReport.Print(context, near, distance!.Value);
            if (sheet is not null)
                context.Note($"Contact sheet: {Path.GetFullPath(sheet)}");
        }
        return ExitCode.Done;
    }

    private static Table Classes(DataSource source)
    {
        int[] train = source.Train.CountByClass(),
            test = source.Test.CountByClass();
        var table = new Table(
            "classes",
            new Column("class", "Class", Right: true),
            new Column("name", "Name"),
            new Column("train", "Training", Right: true),
            new Column("test", "Test", Right: true)
        );
        for (var c = 0; c < train.Length; c++)
            table.Add(c, source.Train.ClassNames[c], train[c], test[c]);
        return table;
    }

    private static string Json(DataSource source, ChannelStatistics statistics, Table classes, NearCopies? near, int? distance) =>
        JsonText.Of(json =>
        {
            json.WriteStartObject();
            json.WriteString("format", source.Format);
            json.WriteNumber("channels", source.Train.Channels);
            json.WriteNumber("height", source.Train.Height);
            json.WriteNumber("width", source.Train.Width);
            json.WriteNumber("train", source.Train.Count);
            json.WriteNumber("test", source.Test.Count);
            json.WriteString("testOrigin", source.TestOrigin);
            json.WriteString("trainSha256", source.Train.Fingerprint());
            json.WriteString("testSha256", source.Test.Fingerprint());
            foreach ((var name, var values) in new[] { ("mean", statistics.Mean), ("standardDeviation", statistics.StandardDeviation) })
            {
                json.WriteStartArray(name);
                foreach (var value in values)
                    json.WriteNumberValue(value);
                json.WriteEndArray();
            }
            json.WritePropertyName("classes");
            TablePrinter.WriteRows(json, classes);
            if (near is not null)
                NearReport.Write(json, near, distance!.Value);
            json.WriteEndObject();
        });

    private static string Join(IReadOnlyList<double> values) =>
        string.Join("  ", values.Select(v => v.ToString("F4", CultureInfo.InvariantCulture)));
}
