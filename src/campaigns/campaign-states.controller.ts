import { Body, Controller, HttpCode, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { nothing, type Nothing } from '../http/nothing.js';
import { Policy } from '../http/policy.js';
import { Says } from '../http/says.js';
import { admins, organizers } from './campaigns.policies.js';
import { Campaigns } from './campaigns.service.js';
import { campaignWords, wholeOf } from './campaigns.words.js';

@Controller('api/v1/campaigns/:id')
export class CampaignStatesController {
  constructor(private readonly campaigns: Campaigns) {}

  @Policy(organizers)
  @Says(campaignWords.publish)
  @HttpCode(200)
  @Post('publish')
  async publish(@Req() request: FastifyRequest, @Param('id') id: string, @Body({ schema: nothing }) _: Nothing) {
    return wholeOf(await this.campaigns.move(callerOf(request), id, 'publish'));
  }

  @Policy(organizers)
  @Says(campaignWords.pause)
  @HttpCode(200)
  @Post('pause')
  async pause(@Req() request: FastifyRequest, @Param('id') id: string, @Body({ schema: nothing }) _: Nothing) {
    return wholeOf(await this.campaigns.move(callerOf(request), id, 'pause'));
  }

  @Policy(organizers)
  @Says(campaignWords.close)
  @HttpCode(200)
  @Post('close')
  async close(@Req() request: FastifyRequest, @Param('id') id: string, @Body({ schema: nothing }) _: Nothing) {
    return wholeOf(await this.campaigns.move(callerOf(request), id, 'close'));
  }

  @Policy(admins)
  @Says(campaignWords.hold)
  @HttpCode(200)
  @Post('hold')
  async hold(@Req() request: FastifyRequest, @Param('id') id: string, @Body({ schema: nothing }) _: Nothing) {
    return wholeOf(await this.campaigns.move(callerOf(request), id, 'hold'));
  }

  @Policy(admins)
  @Says(campaignWords.release)
  @HttpCode(200)
  @Post('release')
  async release(@Req() request: FastifyRequest, @Param('id') id: string, @Body({ schema: nothing }) _: Nothing) {
    return wholeOf(await this.campaigns.release(callerOf(request), id));
  }
}
