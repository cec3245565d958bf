using Lur.Device;
using Lur.Hosting;
using Lur.Runs;
using Lur.Tests.Data;
using Lur.Training;

namespace Lur.Tests.Hosting;

/// <summary>What child processes do, whose native libraries are not chosen yet; see <see cref="TestHost"/>.</summary>
internal static class EngineProbes
{
    /// <summary>Trains and forgets with everything given by options.</summary>
    internal static string Hermetic()
    {
        using var temp = new TempFolder();
        var options = new LurEngineOptions
        {
            Device = DeviceKind.Host,
            Threads = 3,
            IgnoreEnvironment = true,
            CacheFolder = temp["cache"],
        };
        using var engine = LurEngine.Open(options);
        var training = new TrainSettings
        {
            Data = "synthetic:train=20,test=10",
            Model = "resnet[1]:w4",
            Output = temp["base"],
            Training = new TrainingOptions { Epochs = 1, BatchSize = 10 },
        };
        var trained = TrainJob.RunAsync(engine, training).GetAwaiter().GetResult();
        var images = Directory.GetFiles(temp["cache/kernels"], "*.image", SearchOption.AllDirectories).Length;
        return $"{engine.Device.Name}\n{trained.Test.Count} images\n{(images > 0 ? "kernels kept" : "nothing kept")}";
    }

    /// <summary>Asks for other libraries once they are chosen; a failure before chooses nothing.</summary>
    internal static string Settled()
    {
        var said = new List<string>();
        void Ask(LurEngineOptions options)
        {
            try
            {
                using var engine = LurEngine.Open(options);
                said.Add(engine.Device.Name);
            }
            catch (UserErrorException e)
            {
                said.Add(e.Message);
            }
        }

        Ask(new LurEngineOptions { Device = DeviceKind.Cuda });
        Ask(new LurEngineOptions { Device = DeviceKind.Host, Threads = 2 });
        Ask(new LurEngineOptions());
        Ask(new LurEngineOptions { Device = DeviceKind.Cuda });
        Ask(new LurEngineOptions { Threads = 3 });
        Ask(new LurEngineOptions { Threads = 2 });
        Ask(new LurEngineOptions { IgnoreEnvironment = true });
        Ask(new LurEngineOptions { Ordinal = 7 });
        Ask(new LurEngineOptions { Threads = -1 });
        return string.Join('\n', said);
    }

    /// <summary>Fails in every way that does not need a device of its own kind.</summary>
    internal static string Silent()
    {
        using var temp = new TempFolder();
        temp.Write("kernels/include/prelude.cuh", "");
        using var engine = LurEngine.Open(new LurEngineOptions { KernelFolder = temp["kernels"] });
        var settings = new TrainSettings
        {
            Data = "synthetic:train=20,test=10",
            Model = "resnet[1]:w4",
            Output = temp["base"],
        };
        try
        {
            TrainJob.RunAsync(engine, settings).GetAwaiter().GetResult();
            return "trained";
        }
        catch (UserErrorException e)
        {
            return $"{e.InnerException?.GetType().Name}: {e.Message}";
        }
    }
}
